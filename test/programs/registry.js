"use strict";
// A registry of npm packages, of a few: { packages: [{ manifest, tarball }] }, the newest version
// last. Says its address; serves until it is killed.

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const { args, say } = require("../support/child.js");

/** What a registry tells of all versions of a package. */
function describe(name, address) {
  const versions = {};
  for (const [index, { manifest, tarball }] of args.packages.entries()) {
    if (manifest.name !== name) continue;
    const bytes = fs.readFileSync(tarball);
    const digest = (algorithm, form) => crypto.createHash(algorithm).update(bytes).digest(form);
    const dist = {
      tarball: `${address}/tarballs/${index}.tgz`,
      shasum: digest("sha1", "hex"),
      integrity: `sha512-${digest("sha512", "base64")}`,
    };
    const hasInstallScript = manifest.scripts?.install !== undefined;
    versions[manifest.version] = { ...manifest, hasInstallScript, dist };
  }
  const latest = Object.keys(versions).at(-1);
  return latest && { name, "dist-tags": { latest }, versions };
}

const server = http.createServer((request, response) => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const wanted = decodeURIComponent(request.url.slice(1));
  const tarball = args.packages[/^tarballs\/(\d+)\.tgz$/.exec(wanted)?.[1]]?.tarball;
  if (tarball !== undefined) return response.end(fs.readFileSync(tarball));
  const found = describe(wanted, address);
  response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(found ?? { error: "not found" }));
});
server.listen(0, "127.0.0.1", () => say(`http://127.0.0.1:${server.address().port}`));
