// Loaded before the fuzzer: where its addon needs a newer C library, the copy for older ones is loaded.
const load = process.dlopen;
process.dlopen = (module, path, ...flags) =>
  load.call(process, module, /fuzzer-[\w-]+\.node$/.test(path) ? process.env.FUZZER_ADDON : path, ...flags);
