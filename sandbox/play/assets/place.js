// The address is the state: #/invoices/1041?company=…&search=…&page=2

export const KINDS = { invoices: "Invoices", customers: "Customers", products: "Products" };

export function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [kind, key] = (path ?? "").split("/");
  const wishes = new URLSearchParams(query ?? "");
  return {
    kind: kind && kind in KINDS ? kind : "invoices",
    key: key ? decodeURIComponent(key) : "",
    company: wishes.get("company") ?? "",
    search: wishes.get("search") ?? "",
    page: Number(wishes.get("page") ?? "1") || 1,
  };
}

/** @param {Partial<ReturnType<typeof place>>} changes */
export function address(changes) {
  const next = { ...place(), ...changes };
  const wishes = new URLSearchParams();
  if (next.company) wishes.set("company", next.company);
  if (next.search) wishes.set("search", next.search);
  if (next.page > 1) wishes.set("page", String(next.page));
  const key = next.key ? `/${encodeURIComponent(next.key)}` : "";
  return `#/${next.kind}${key}${wishes.size ? `?${wishes}` : ""}`;
}

/** @param {Partial<ReturnType<typeof place>>} changes */
export function go(changes) {
  location.hash = address(changes);
}
