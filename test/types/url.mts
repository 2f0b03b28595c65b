// Where the program's types know URL, it is accepted as a path.
import { LMDBXRepository } from "@aurora/runtime-storage-lmdbx";

new LMDBXRepository({ path: new URL("./data", import.meta.url) });
const path: string | URL = new URL("file:///data");
new LMDBXRepository({ path });
// @ts-expect-error other objects are not
new LMDBXRepository({ path: { href: "file:///data" } });
