"use strict";
// The input: webhook deliveries as GitHub sent them, collected in the npm package
// @octokit/webhooks-examples.

/**
 * @typedef {object} Delivery
 * @property {string} event the name GitHub sends in the X-GitHub-Event header
 * @property {string} [action] what happened, for events that say so ("opened")
 * @property {string} tenant whose data this is
 * @property {any} payload
 */

/** Deliveries that concern everybody. GitHub logins cannot hold a dot. */
const EVERYBODY = ".everybody";

/**
 * Whose data a delivery is: the owner of the repository, or the organisation or
 * account that it was sent for.
 * @param {any} payload
 * @returns {string}
 */
function tenantOf(payload) {
  const owner =
    payload.repository?.owner ??
    payload.organization ??
    payload.installation?.account ??
    payload.marketplace_purchase?.account ??
    payload.sponsorship?.sponsorable ??
    payload.sender;
  return owner?.login ?? EVERYBODY;
}

/** @returns {{ deliveries: Delivery[], kinds: number, version: string }} */
function readDeliveries() {
  const kinds = require("@octokit/webhooks-examples");
  const deliveries = kinds.flatMap(({ name, examples }) =>
    examples.map((payload) => ({
      event: name,
      action: payload.action,
      tenant: tenantOf(payload),
      payload,
    })),
  );
  const { version } = require("@octokit/webhooks-examples/package.json");
  return { deliveries, kinds: kinds.length, version };
}

module.exports = { EVERYBODY, readDeliveries, tenantOf };
