"use strict";
// The process in which guard.js has a command work.

const { handedOn } = require("./interrupt.js");
const { FAILED } = require("./exit.js");
const { main } = require("./main.js");

const onMessage = handedOn();
/** Who started this was killed. */
const onDisconnect = () => process.exit(FAILED);

process.on("message", onMessage);
process.on("disconnect", onDisconnect);
main(process.argv.slice(2), { isGuarded: true }).finally(() => {
  process.removeListener("disconnect", onDisconnect);
  process.removeListener("message", onMessage);
  if (process.connected) process.disconnect(); // else it kept the process alive
});
