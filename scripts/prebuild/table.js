"use strict";
module.exports = { summary: (r) => JSON.stringify(r), render: (r) => JSON.stringify(r, null, 1), failures: (r) => r.filter((x) => x.failed.length).length };
