// Loaded before Azurite by `bench console`: on SIGUSR2 the rows of the file BENCH_ROWS are put into its memory, which is
// quicker than through its door. Each takes its shape from the first row of its table, which came that way.
const fs = require("fs");
const Module = require("module");
const load = Module._load;
const databases = new Set();

Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request === "lokijs" && !loaded.watched) {
    loaded.watched = true;
    const { addCollection } = loaded.prototype;
    loaded.prototype.addCollection = function (...wanted) {
      databases.add(this);
      return addCollection.apply(this, wanted);
    };
  }
  return loaded;
};

process.on("SIGUSR2", () => {
  const file = process.env.BENCH_ROWS;
  const rows = new Map();
  for (const line of fs.readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    const row = JSON.parse(line);
    if (!rows.has(row.table)) rows.set(row.table, []);
    rows.get(row.table).push(row);
  }
  for (const [table, wanted] of rows) {
    const [collection] = [...databases].flatMap((each) => each.collections).filter((each) => each.name.toLowerCase().endsWith(`$${table.toLowerCase()}`));
    const { $loki, meta, ...first } = collection.data[0];
    collection.adaptiveBinaryIndices = false; // its indexes are made once, at the end
    collection.insert(
      wanted.map(({ partition, key, properties }) => ({
        ...first,
        PartitionKey: partition,
        RowKey: key,
        properties: { ...first.properties, ...properties, PartitionKey: partition, RowKey: key },
      })),
    );
    collection.adaptiveBinaryIndices = true;
    collection.ensureAllIndexes(true);
  }
  fs.writeFileSync(`${file}.done`, "");
});
