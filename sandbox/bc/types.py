"""All entity types by entity set, and the tables that codes and ids must be found in."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.bc import dimension_types, master_types, sales_types
from sandbox.bc.schema import EntityType

TYPES: Mapping[str, EntityType] = {
    one.set_name: one
    for module in (master_types, dimension_types, sales_types)
    for one in vars(module).values()
    if isinstance(one, EntityType)
}

# BC's table name -> entity set. A table that is not named here has no rows in the sandbox.
TABLES: Mapping[str, str] = {
    "Customer": "customers",
    "Item": "items",
    "G/L Account": "accounts",
    "Item Category": "itemCategories",
    "Country/Region": "countriesRegions",
    "Currency": "currencies",
    "Payment Terms": "paymentTerms",
    "Payment Method": "paymentMethods",
    "Shipment Method": "shipmentMethods",
    "Unit of Measure": "unitsOfMeasure",
    "Gen. Product Posting Group": "generalProductPostingGroups",
    "Inventory Posting Group": "inventoryPostingGroups",
    "Tax Group": "taxGroups",
}
