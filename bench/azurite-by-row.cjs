// Loaded before Azurite by `bench console`. An entity is sought by its row key first, which the emulator's index tells
// apart: sought by its partition key, every row of the partition is read for each one written.
const Module = require("module");
const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request === "lokijs" && !loaded.byRow) {
    loaded.byRow = true;
    const { findOne } = loaded.Collection.prototype;
    loaded.Collection.prototype.findOne = function (query) {
      const { RowKey, ...others } = query || {};
      return findOne.call(this, RowKey === undefined ? query : { RowKey, ...others });
    };
  }
  return loaded;
};
