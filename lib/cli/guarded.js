"use strict";
// The process in which guard.js has a command work.

const { handedOn } = require("./interrupt.js");
const { FAILED } = require("./exit.js");
const { main } = require("./main.js");

const onSignal = handedOn();

function onMessage(message) {
  if (message.go) work();
  else onSignal(message);
}

/** Who started this was killed. */
function onDisconnect() {
  process.exit(FAILED);
}

async function work() {
  await main(process.argv.slice(2), { isGuarded: true });
  process.removeListener("disconnect", onDisconnect);
  process.removeListener("message", onMessage);
  if (process.connected) process.disconnect(); // else it kept the process alive
}

process.on("message", onMessage);
process.on("disconnect", onDisconnect);
process.send?.({ ready: true });
