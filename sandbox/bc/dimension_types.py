"""The entity types of dimensions, and of their values on documents, customers and items (standard API v2.0)."""

from __future__ import annotations

from sandbox.bc.schema import ID, MODIFIED, EntityType, Navigation, choice, code, guid, text

DIMENSIONS = EntityType(
    "dimensions",
    "dimension",
    "Dimension",
    key="code",
    allowed="",
    navigation=(Navigation("dimensionValues", "dimensionValues", "dimensionId", collection=True),),
    fields=(
        ID,
        code("code", 20, "Code", read_only=True),
        text("displayName", 30, "Name", read_only=True),
        code("consolidationCode", 20, "Consolidation Code", read_only=True),
        MODIFIED,
    ),
)

DIMENSION_VALUES = EntityType(
    "dimensionValues",
    "dimensionValue",
    "Dimension Value",
    key="code",
    allowed="",
    navigation=(Navigation("dimension", "dimensions", "dimensionId"),),
    fields=(
        ID,
        code("code", 20, "Code", read_only=True),
        guid("dimensionId", "Dimension Id", read_only=True),
        text("displayName", 50, "Name", read_only=True),
        code("consolidationCode", 20, "Consolidation Code", read_only=True),
        MODIFIED,
    ),
)

DIMENSION_SET_LINES = EntityType(
    "dimensionSetLines",
    "dimensionSetLine",
    "Dimension Set Entry Buffer",
    key="code",
    allowed="IMD",
    navigation=(
        Navigation("salesInvoice", "salesInvoices", "parentId"),
        Navigation("salesInvoiceLine", "salesInvoiceLines", "parentId"),
        Navigation("salesCreditMemo", "salesCreditMemos", "parentId"),
        Navigation("salesCreditMemoLine", "salesCreditMemoLines", "parentId"),
    ),
    fields=(
        guid("id", "Dimension Id"),
        code("code", 20, "Dimension Code"),
        code("consolidationCode", 20, "Dimension Consolidation Code", read_only=True),
        guid("parentId", "Parent Id", read_only=True),
        choice("parentType", "dimensionSetEntryBufferParentType", "Parent Type", read_only=True),
        text("displayName", 30, "Dimension Name", read_only=True),
        guid("valueId", variable=True),
        code("valueCode", 20, variable=True),
        code("valueConsolidationCode", 20, "Dim. Val. Consolidation Code", read_only=True),
        text("valueDisplayName", 50, "Dimension Value Name", read_only=True),
    ),
)

DEFAULT_DIMENSIONS = EntityType(
    "defaultDimensions",
    "defaultDimension",
    "Default Dimension",
    key="dimensionCode",
    allowed="IMD",
    navigation=(
        Navigation("customer", "customers", "parentId"),
        Navigation("item", "items", "parentId"),
        Navigation("dimension", "dimensions", "dimensionId"),
        Navigation("dimensionValue", "dimensionValues", "dimensionValueId"),
    ),
    fields=(
        ID,
        choice("parentType", "defaultDimensionParentType", "Parent Type"),
        guid("parentId", "ParentId"),
        guid("dimensionId", "DimensionId"),
        code("dimensionCode", 20, "Dimension Code", read_only=True),
        guid("dimensionValueId", "DimensionValueId"),
        code("dimensionValueCode", 20, "Dimension Value Code", read_only=True),
        choice("postingValidation", "defaultDimensionValuePostingType", "Value Posting"),
        MODIFIED,
    ),
)
