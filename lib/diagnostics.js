"use strict";
// What a program can watch: diagnostics channels for commits and for operations. A call asks whether
// somebody has subscribed, and nothing more where nobody has.

const { channel, tracingChannel } = require("node:diagnostics_channel");
const addon = require("./addon.js");

const commitChannel = channel("aurora:lmdbx:commit");
const operationChannel = tracingChannel("aurora:lmdbx:operation");
const { start, end, asyncStart, asyncEnd, error } = operationChannel;

/** Node.js before 20.13, and Bun, have no operationChannel.hasSubscribers. */
const isTraced = () =>
  start.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers;

/** Whether the addon tells of commits. */
let watching = false;

function publishCommit(path, operations, bytes, duration, transactions) {
  commitChannel.publish({ path, operations, bytes, duration, transactions });
}

function watch(wanted) {
  watching = wanted;
  addon.watch(wanted ? publishCommit : undefined);
}

/** Operations whose first argument is a tenant, and those whose second is a key. */
const OF_TENANTS = ["list", "getMany", "count", "clearTenant"];
const OF_RECORDS = ["put", "get", "delete", "has", "update"];
const OF_ALL = [
  ...["ready", "close", "stats", "backup", "batch", "transaction", "bulkLoad", "reset"],
  ...["tenants", "getCheckpoint", "checkpoints"],
];

/** What subscribers are told of a call. */
function contextOf(operation, { path, name }, args) {
  const context = { operation, path, database: name };
  if (OF_TENANTS.includes(operation)) return { ...context, tenantId: args[0] };
  if (OF_RECORDS.includes(operation)) return { ...context, tenantId: args[0], key: args[1] };
  return context;
}

/**
 * Wraps the operations of a class, so that they can be watched.
 * @param {Function} class_
 * @param {(repository: object) => { path: string, name: string | undefined }} describe
 */
function observe(class_, describe) {
  for (const name of [...OF_TENANTS, ...OF_RECORDS, ...OF_ALL]) {
    const method = class_.prototype[name];
    if (method === undefined) continue;
    const observed = {
      [name](a, b, c) {
        if (watching !== commitChannel.hasSubscribers) watch(commitChannel.hasSubscribers);
        if (!isTraced()) return method.call(this, a, b, c);
        const context = contextOf(name, describe(this), [a, b]);
        return operationChannel.tracePromise(method, context, this, a, b, c);
      },
    }[name];
    const value = Object.defineProperty(observed, "length", { value: method.length });
    Object.defineProperty(class_.prototype, name, { value });
  }
}

module.exports = { observe };
