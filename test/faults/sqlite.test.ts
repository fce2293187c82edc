/** The short form of `npm run test:faults -- --only sqlite`. */
import { sqliteBackend } from "./backends/sqlite.ts";
import { testShortForm } from "./short-form.ts";

testShortForm({ backend: sqliteBackend, isAvailable: true, loadMs: 20_000 });
