// The same package from CommonJS.
import lmdbx = require("@aurora/runtime-storage-lmdbx");

const repository: lmdbx.Repository<string, number> = new lmdbx.LMDBXRepository({ path: "data" });
const created: lmdbx.LMDBXRepository<string, number> = lmdbx.createLMDBXRepository({ path: "data" });
// @ts-expect-error there is no default export
void lmdbx.default;

void [repository, created];
