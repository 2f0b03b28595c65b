"use strict";
// Preloaded in Bun, which has no switch that forbids code from strings.

const { prototype } = Function;

function Forbidden() {
  throw new EvalError("code from strings is forbidden here");
}

Forbidden.prototype = prototype;
globalThis.Function = Forbidden;
