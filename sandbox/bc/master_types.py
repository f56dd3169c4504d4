"""The entity types of BC's master data and setup: names, lengths, what may be written (standard API v2.0)."""

from __future__ import annotations

from sandbox.bc.schema import (
    ID,
    MODIFIED,
    EntityType,
    Navigation,
    amount,
    choice,
    code,
    day,
    flag,
    guid,
    moment,
    stream,
    text,
    whole,
)

COMPANIES = EntityType(
    "companies",
    "company",
    "Company",
    key="name",
    allowed="",
    fields=(
        ID,
        text("systemVersion", 0, read_only=True),
        whole("timestamp", read_only=True),
        text("name", 30, read_only=True),
        text("displayName", 250, read_only=True),
        text("businessProfileId", 250, read_only=True),
        moment("systemCreatedAt", read_only=True),
        guid("systemCreatedBy", read_only=True),
        moment("systemModifiedAt", read_only=True),
        guid("systemModifiedBy", read_only=True),
    ),
)

COMPANY_INFORMATION = EntityType(
    "companyInformation",
    "companyInformation",
    "Company Information",
    key="",
    allowed="M",
    fields=(
        ID,
        text("displayName", 100, "Name"),
        text("addressLine1", 100, "Address"),
        text("addressLine2", 50, "Address 2"),
        text("city", 30, "City"),
        text("state", 30, "County"),
        code("country", 10, "Country/Region Code", to="Country/Region"),
        code("postalCode", 20, "Post Code"),
        text("phoneNumber", 30, "Phone No."),
        text("faxNumber", 30, "Fax No."),
        text("email", 80, "E-Mail"),
        text("website", 80, "Home Page"),
        text("taxRegistrationNumber", 50, variable=True),
        code("currencyCode", 10, read_only=True, variable=True),
        day("currentFiscalYearStartDate", read_only=True),
        text("industry", 30, "Industrial Classification"),
        stream("picture", "Picture", read_only=True),
        text("experience", 0, variable=True),
        MODIFIED,
    ),
)

CUSTOMERS = EntityType(
    "customers",
    "customer",
    "Customer",
    key="number",
    allowed="IMD",
    navigation=(
        Navigation("currency", "currencies", "currencyId"),
        Navigation("paymentTerm", "paymentTerms", "paymentTermsId"),
        Navigation("shipmentMethod", "shipmentMethods", "shipmentMethodId"),
        Navigation("paymentMethod", "paymentMethods", "paymentMethodId"),
        Navigation("defaultDimensions", "defaultDimensions", "parentId", collection=True),
    ),
    fields=(
        ID,
        code("number", 20, "No."),
        text("displayName", 100, "Name"),
        choice("type", "contactType", "Contact Type"),
        text("addressLine1", 100, "Address"),
        text("addressLine2", 50, "Address 2"),
        text("city", 30, "City"),
        text("state", 30, "County"),
        code("country", 10, "Country/Region Code", to="Country/Region"),
        code("postalCode", 20, "Post Code"),
        text("phoneNumber", 30, "Phone No."),
        text("email", 80, "E-Mail"),
        text("website", 80, "Home Page"),
        code("salespersonCode", 20, "Salesperson Code", to="Salesperson/Purchaser"),
        amount("balanceDue", "Balance Due", read_only=True),
        amount("creditLimit", "Credit Limit (LCY)"),
        flag("taxLiable", "Tax Liable"),
        guid("taxAreaId", "Tax Area ID"),
        text("taxAreaDisplayName", 0, read_only=True, variable=True),
        text("taxRegistrationNumber", 50, variable=True),
        guid("currencyId", "Currency Id", to="Currency"),
        text("currencyCode", 10, variable=True),
        guid("paymentTermsId", "Payment Terms Id", to="Payment Terms"),
        guid("shipmentMethodId", "Shipment Method Id", to="Shipment Method"),
        guid("paymentMethodId", "Payment Method Id", to="Payment Method"),
        choice("blocked", "customerBlocked", "Blocked"),
        MODIFIED,
    ),
)

ITEMS = EntityType(
    "items",
    "item",
    "Item",
    key="number",
    allowed="IMD",
    navigation=(
        Navigation("itemCategory", "itemCategories", "itemCategoryId"),
        Navigation("inventoryPostingGroup", "inventoryPostingGroups", "inventoryPostingGroupId"),
        Navigation(
            "generalProductPostingGroup", "generalProductPostingGroups", "generalProductPostingGroupId"
        ),
        Navigation("unitOfMeasure", "unitsOfMeasure", "baseUnitOfMeasureId"),
        Navigation("defaultDimensions", "defaultDimensions", "parentId", collection=True),
    ),
    fields=(
        ID,
        code("number", 20, "No."),
        text("displayName", 100, "Description"),
        text("displayName2", 50, "Description 2"),
        choice("type", "itemType", "Type"),
        guid("itemCategoryId", "Item Category Id", to="Item Category"),
        code("itemCategoryCode", 20, "Item Category Code", to="Item Category"),
        flag("blocked", "Blocked"),
        code("gtin", 14, "GTIN"),
        amount("inventory", variable=True),
        amount("unitPrice", "Unit Price", low=0),
        flag("priceIncludesTax", "Price Includes VAT"),
        amount("unitCost", "Unit Cost", low=0),
        guid("taxGroupId", "Tax Group Id", to="Tax Group"),
        code("taxGroupCode", 20, "Tax Group Code", to="Tax Group"),
        guid("baseUnitOfMeasureId", "Unit of Measure Id", to="Unit of Measure"),
        code("baseUnitOfMeasureCode", 10, "Base Unit of Measure"),
        guid("generalProductPostingGroupId", "Gen. Prod. Posting Group Id", to="Gen. Product Posting Group"),
        code(
            "generalProductPostingGroupCode", 20, "Gen. Prod. Posting Group", to="Gen. Product Posting Group"
        ),
        guid("inventoryPostingGroupId", "Inventory Posting Group Id", to="Inventory Posting Group"),
        code("inventoryPostingGroupCode", 20, "Inventory Posting Group", to="Inventory Posting Group"),
        MODIFIED,
    ),
)

ACCOUNTS = EntityType(
    "accounts",
    "account",
    "G/L Account",
    key="number",
    allowed="",
    fields=(
        ID,
        code("number", 20, "No.", read_only=True),
        text("displayName", 100, "Name", read_only=True),
        choice("category", "glAccountCategory", "Account Category", read_only=True),
        text("subCategory", 80, "Account Subcategory Descript.", read_only=True),
        flag("blocked", "Blocked", read_only=True),
        choice("accountType", "glAccountType", "API Account Type", read_only=True),
        flag("directPosting", "Direct Posting", read_only=True),
        amount("netChange", "Net Change", read_only=True),
        text("consolidationTranslationMethod", 0, "Consol. Translation Method", read_only=True),
        code("consolidationDebitAccount", 20, "Consol. Debit Acc.", read_only=True),
        code("consolidationCreditAccount", 20, "Consol. Credit Acc.", read_only=True),
        flag("excludeFromConsolidation", "Exclude From Consolidation", read_only=True),
        MODIFIED,
    ),
)

ITEM_CATEGORIES = EntityType(
    "itemCategories",
    "itemCategory",
    "Item Category",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 20, "Code"),
        text("displayName", 100, "Description"),
        MODIFIED,
    ),
)

COUNTRIES_REGIONS = EntityType(
    "countriesRegions",
    "countryRegion",
    "Country/Region",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 50, "Name"),
        choice("addressFormat", "countryRegionAddressFormat", "Address Format"),
        MODIFIED,
    ),
)

CURRENCIES = EntityType(
    "currencies",
    "currency",
    "Currency",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 30, "Description"),
        text("symbol", 10, "Symbol"),
        text("amountDecimalPlaces", 5, "Amount Decimal Places"),
        amount("amountRoundingPrecision", "Invoice Rounding Precision"),
        MODIFIED,
    ),
)

PAYMENT_TERMS = EntityType(
    "paymentTerms",
    "paymentTerm",
    "Payment Terms",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 100, "Description"),
        text("dueDateCalculation", 0, "Due Date Calculation"),
        text("discountDateCalculation", 0, "Discount Date Calculation"),
        amount("discountPercent", "Discount %", low=0, high=100, places=5),
        flag("calculateDiscountOnCreditMemos", "Calc. Pmt. Disc. on Cr. Memos"),
        MODIFIED,
    ),
)

PAYMENT_METHODS = EntityType(
    "paymentMethods",
    "paymentMethod",
    "Payment Method",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 100, "Description"),
        MODIFIED,
    ),
)

SHIPMENT_METHODS = EntityType(
    "shipmentMethods",
    "shipmentMethod",
    "Shipment Method",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 100, "Description"),
        MODIFIED,
    ),
)

UNITS_OF_MEASURE = EntityType(
    "unitsOfMeasure",
    "unitOfMeasure",
    "Unit of Measure",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 10, "Code"),
        text("displayName", 50, "Description"),
        code("internationalStandardCode", 10, "International Standard Code"),
        text("symbol", 10, "Symbol"),
        MODIFIED,
    ),
)

TAX_GROUPS = EntityType(
    "taxGroups",
    "taxGroup",
    "Tax Group Buffer",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 20, "Code"),
        text("displayName", 100, "Description"),
        choice("taxType", "taxBufferType", "Type", read_only=True),
        MODIFIED,
    ),
)

TAX_AREAS = EntityType(
    "taxAreas",
    "taxArea",
    "Tax Area Buffer",
    key="code",
    allowed="IMD",
    fields=(
        ID,
        code("code", 20, "Code"),
        text("displayName", 100, "Description"),
        choice("taxType", "taxBufferType", "Type", read_only=True),
        MODIFIED,
    ),
)

GENERAL_PRODUCT_POSTING_GROUPS = EntityType(
    "generalProductPostingGroups",
    "generalProductPostingGroup",
    "Gen. Product Posting Group",
    key="code",
    allowed="",
    fields=(
        ID,
        code("code", 20, "code", read_only=True),
        text("description", 100, "Description", read_only=True),
        code("defaultVATProductPostingGroup", 20, "Def. VAT Prod. Posting Group", read_only=True),
        flag("autoInsertDefault", "Auto Insert Default", read_only=True),
        MODIFIED,
    ),
)

INVENTORY_POSTING_GROUPS = EntityType(
    "inventoryPostingGroups",
    "inventoryPostingGroup",
    "Inventory Posting Group",
    key="code",
    allowed="",
    fields=(
        ID,
        code("code", 20, "code", read_only=True),
        text("description", 100, "Description", read_only=True),
        MODIFIED,
    ),
)
