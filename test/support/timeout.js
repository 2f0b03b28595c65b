"use strict";
// How long tests wait. LMDBX_TEST_PATIENCE multiplies it where programs run slowly, as under emulation.

const factor = Number(process.env.LMDBX_TEST_PATIENCE) || 1;

/** @param {number} milliseconds - as on an ordinary machine, however busy */
const patient = (milliseconds) => milliseconds * factor;

module.exports = { patient };
