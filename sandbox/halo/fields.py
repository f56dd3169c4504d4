"""Halo's field names and types, as far as accounting needs them.

Kinds: `int` whole number; `num` number (kept as Decimal); `idnum` an id that Halo types double (`1041.0`); `bool`;
`str`; `time` a moment, UTC, written without zone; `day` a date at midnight, without zone; `obj` nested JSON.
Names with a leading underscore (save `_itemid`) and `new…` names command one save and are never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

type Row = dict[str, Any]

EMPTY: Mapping[str, Any] = {"int": 0, "num": 0, "idnum": 0, "bool": False, "str": ""}


def _table(**names: str) -> dict[str, str]:
    return {name: kind for kind, joined in names.items() for name in joined.split()}


_AUTOMATION = "_isimport _dont_fire_automations _novalidate _validateonly"

CLIENT = _table(
    int="id toplevel_id sales_tax_code item_tax_code service_tax_code contract_tax_code prepay_tax_code "
    "default_currency_code paymentterms invoiceduedaysextraclient due_date_type client_to_invoice "
    "client_to_invoice_recurring stopped main_site_id newclient_regioncode",
    str="name toplevel_name accountsid dbc_company_id dbc_company_name dbc_template accountsemailaddress "
    "accountsccemailaddress accountsbccemailaddress accountsfirstname accountslastname tax_number currencyisocode "
    "main_site_name website trading_name notes newclient_sitename newclient_phonenumber newclient_contactname "
    "newclient_contactemail newclient_countrycode _importtype _warning",
    bool="inactive dynamics_dimensions_enabled dynamics_bc_synced taxable automatic_sales_tax "
    f"excludefrominvoicesync {_AUTOMATION}",
    obj="dbc_dimensions main_delivery_address main_invoice_address popup_notes customfields external_links "
    "new_external_link newclient_delivery_address",
    time="alastupdate datecreated",
)
SITE = _table(
    int="id region_code site_item_tax_code businesscentral_area_company_id",
    idnum="client_id",
    str="name client_name phonenumber country_code country_code_name region_code_name delivery_address_line1 "
    "accountsid",
    bool=f"inactive invoice_address_isdelivery isinvoicesite {_AUTOMATION}",
    obj="delivery_address invoice_address businesscentral_billing_client customfields",
    time="slastupdate",
)
ADDRESS = _table(int="id type site_id", str="line1 line2 line3 line4 postcode", bool="primary inactive")
ITEM = _table(
    int="id status assetgroup_id type item_group_itemcode taxcode taxcodeother supplier_id",
    num="costprice baseprice recurringprice recurringcost quantity_in_stock",
    str="name description purchase_description note assetgroup_name accountsid dbc_company_id dbc_company_name "
    "dbc_template nominalcode nominalcode_name purchasenominalcode purchasenominalcode_name item_group_nominalcode "
    "item_group_nominalcode_purchase taxcode_name supplier_part_code internalreference externalreference "
    "third_party_id shaccountsid _importtype _warning",
    bool="inactive dynamics_dimensions_enabled dynamics_bc_synced isrecurringitem taxable dont_track_stock dontinvoice "
    f"ignore_from_accounting_sync {_AUTOMATION}",
    obj="dbc_dimensions item_accounts_links new_item_accounts_link external_links new_external_link customfields",
    time="lastmodified datecreated",
)
# Rows of `dbc_dimensions`, in the shape of BusinessCentralDimensions; and of `popup_notes` (AreaPopup).
DIMENSION = _table(
    int="halo_id haloparentid dynamicstype",
    str="id parent_id parent_type display_name code consolidation_code dimension_id dimension_code dimension_value_id "
    "dimension_value_code value_id value_code value_display_name value_consolidation_code posting_value",
    time="last_modified_date_time",
)
POPUP_NOTE = _table(
    int="id client_id site_id user_id read_status",
    str="note",
    bool="dismissable displaymodal displayhtml limitdaterange",
    time="date_created startdate enddate",
)
ASSET_GROUP = _table(
    int="id tax_id",
    str="name thirdpartyid nominalcode nominalcodepurchase itemcode_id",
    bool="showasitem",
    obj="accounts_mappings new_external_link",
)
INVOICE = _table(
    int="id typeid client_id original_client_id sitenumber uid due_date_int due_date_type paymentterms currency_code "
    "paymentstatus invoicetype type creditlinkedtoinvoiceid recurring_invoice_id ticket_id contract_id salesorder_id "
    "purchaseorder_id supplier_id pdf_attachment_id pdftemplate_id approval_status change_seq runbook_button_id",
    num="currency_conversion_rate amountpaid amountdue credit_total credit_outstanding revenue tax_total "
    "composite_tax_total total",
    str="invoicenumber invoice_display thirdpartyinvoicenumber client_name site_name accountsid name contactname address1 "
    "deladdress1 tel_number order_number cust_order_number reference notes_1 notes_2 notes_3 internal_note currency "
    "currency_code_name dbc_id dbc_company_id creditlinkedtoinvoiceid_thirdpartynumber _importtype _warning",
    bool="posted bcd_posted dont_sync_to_3rd_party voided is_recurring_invoice reviewrequired ignore_change_seq "
    f"_create_credit_note _forcethirdpartysync _dotaxsync _docommitsync {_AUTOMATION}",
    obj="address shipaddress payments lines add_lines external_links new_external_link custombuttons customfields",
    day="invoice_date duedate period_start_date period_end_date datepaid",
    time="dateposted last_synced last_modified date_created",
)
LINE = _table(
    int="id ihid _itemid override_tax_code item_tax_code group_id sequenceid dbc_sequence_id actioncode asset_id ticket_id "
    "contract_id recurring_invoice_line_id creditlinkedidid",
    num="qty_order unit_price unit_price_converted unit_cost discount_perc net_amount tax_amount tax_rate total_price "
    "baseprice",
    str="item_code item_shortdescription item_longdescription nominal_code tax_code comment_1 comment_2 productnumber "
    "dbc_id entity_type",
    bool="tax_code_overriden isgroupdesc hide_on_pdf isinactive",
    obj="linked_item",
    day="startdate enddate",
)
RECURRING_INVOICE = _table(
    int="id client_id sitenumber currency_code",
    str="name period client_name",
    day="nextcreationdate",
    obj="lines",
)
LOOKUP = _table(
    int="lookupid id valueint1",
    str="name value2 value3 value4 value5 value6 value7 value8 value9 custom1 dynamics_company_name xero_tenant_name "
    "_importtype",
    bool="inactive _isnewcode _isimport",
)
CURRENCY = _table(int="id", str="name symbol code", num="conversion_rate", time="last_updated")
TAX = _table(int="id", str="name code third_party_id third_party_desc", num="value", bool="is_composite")
TOP_LEVEL = _table(int="id", str="name")
DETAILS = _table(
    int="id client_top_level item_default_group group_increment line_increment",
    str="name tenant_id client_id new_client_secret new_access_token new_refresh_token redirect_url authorization_code "
    "_authcode environment_name environment_type web_service_url country company_id company_name company_version "
    "_importtype client_top_level_name item_default_group_name default_sales_account default_sales_account_name "
    "default_purchase_account default_purchase_account_name sync_entities default_invoice_item "
    "default_invoice_item_name graph_host _warning",
    bool="authorized _exchangecodefortoken _disconnect enable_sync show_message sync_inv_groups use_advanced_cost_endpoint",
    obj="environment company client_mappings item_group_mappings sync_entities_list",
    time="token_expiry",
)
INTEGRATION_ERROR = _table(
    int="id module_id detail_id entity_id", str="entity_type entity_name endpoint error", time="date"
)
EXTERNAL_LINK = _table(
    int="id table_id module_id halo_id details_id",
    str="halo_desc third_party_id third_party_secondary_id third_party_desc third_party_type third_party_url",
    bool="primary",
    time="date_created date_updated",
)
WEBHOOK = _table(
    str="id name url content_type basic_username basic_password",
    int="type method authentication_type certificate_id last_status payload_type log_retention_policy_days batch_method "
    "batch_delay_seconds batch_limit auto_disable_attempts",
    bool="active custom_payload notify_on_failure _test",
    obj="events mappings",
)
NOTIFICATION = _table(
    str="guid name webhook_id",
    int="id eventno type delivery_method useworkinghours",
    num="interval",
    obj="conditions",
)
CONTROL = _table(
    bool="disablebusinesscentralautosync enable_legacy_dbc_integration enablebusinesscentralsync "
    "businesscentral_authorised autogenerate_accountsid autogenerate_itemaccountsid useaccountscodeslookup "
    "force_accounts_id usehaloinvoiceidforaccounts only_send_posted_invoices syncinvoicetoaccountspackagewhenapproved "
    "syncpotoaccountspackagewhenapproved donotalloweditingpostedinvoices only_show_invoices_after_3rd_party_sync "
    "show_accounts_success_message use_account_tax invoiceaddgroupheaders usecurrencyconversion "
    "generate_id_per_invoice_type allowinvoicenumberedit rsyncinvoices",
    str="dbc_default_company businesscentralsite_name dbcdefaulttenantname businesscentral_url businesscentral_appid "
    "businesscentral_domain businesscentral_redirect defaultcurrency",
    int="id businesscentral_site defaultcurrencycode decimalplacesforinvoices next_invoice_id",
    obj="businesscentral_fieldmappings businesscentralasset item_default_sales_nominal_code "
    "item_default_purchase_nominal_code",
    time="businesscentral_tokenexpiry",
)

# What Halo sets itself: sent values are ignored.
DERIVED = {
    "Client": frozenset(
        [
            "id",
            "alastupdate",
            "datecreated",
            "toplevel_name",
            "main_site_id",
            "main_site_name",
            "main_delivery_address",
            "main_invoice_address",
            "dbc_company_name",
            "external_links",
        ]
    ),
    "Site": frozenset(
        [
            "id",
            "client_name",
            "country_code_name",
            "region_code_name",
            "delivery_address_line1",
            "slastupdate",
        ]
    ),
    "Item": frozenset(
        [
            "id",
            "assetgroup_name",
            "dbc_company_name",
            "taxcode_name",
            "external_links",
            "lastmodified",
            "datecreated",
            "item_group_nominalcode",
            "item_group_nominalcode_purchase",
        ]
    ),
    "Invoice": frozenset(
        [
            "id",
            "typeid",
            "invoice_display",
            "client_name",
            "site_name",
            "change_seq",
            "revenue",
            "total",
            "last_modified",
            "date_created",
            "lines",
            "add_lines",
            "external_links",
            "payments",
            "currency_code_name",
        ]
    ),
    "InvoiceDetail": frozenset(("id", "ihid", "linked_item", "total_price")),
}
# Longest values; longer ones are refused.
LIMITS: Mapping[str, Mapping[str, int]] = {
    "IntegrationError": {"entity_type": 100, "entity_name": 100, "endpoint": 100, "error": 2000},
    "Webhook": {"url": 500},
    "Client": {"dbc_company_id": 100},
    "Item": {"dbc_company_id": 100},
    "Invoice": {"dbc_id": 100, "dbc_company_id": 100},
    "InvoiceDetail": {"dbc_id": 100},
}


def is_stored(name: str) -> bool:
    """Whether a field is kept: commands of one save and write-only helpers are not."""
    return name == "_itemid" or not (name.startswith(("_", "new_", "newclient_")) or name == "basic_password")


def blank(fields: Mapping[str, str]) -> Row:
    """A record with every stored field empty; times, days and nested values are absent."""
    return {name: EMPTY[kind] for name, kind in fields.items() if kind in EMPTY and is_stored(name)}
