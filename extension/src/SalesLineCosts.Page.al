namespace HaloBc.LineCosts;

using Microsoft.Sales.Document;

/// <summary>
/// The unit cost of each line of the draft sales invoices, in local currency.
/// The ids are those of salesInvoiceLines and salesInvoices in the standard API v2.0. A posted invoice has no
/// lines in this table, so its lines cannot be found here, let alone changed.
/// </summary>
page 88411 "HBC Sales Line Costs"
{
    APIGroup = 'sync';
    APIPublisher = 'halobc';
    APIVersion = 'v1.0';
    DelayedInsert = true;
    DeleteAllowed = false;
    EntityCaption = 'Sales Line Cost';
    EntityName = 'salesLineCost';
    EntitySetCaption = 'Sales Line Costs';
    EntitySetName = 'salesLineCosts';
    Extensible = false;
    InsertAllowed = false;
    ODataKeyFields = SystemId;
    PageType = API;
    SourceTable = "Sales Line";
    SourceTableView = where("Document Type" = const(Invoice));

    layout
    {
        area(Content)
        {
            repeater(Lines)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id';
                    Editable = false;
                }
                field(documentId; Rec."HBC Document Id")
                {
                    Caption = 'Document Id';
                    Editable = false;
                }
                field(sequence; Rec."Line No.")
                {
                    Caption = 'Sequence';
                    Editable = false;
                }
                field(unitCost; Rec."Unit Cost (LCY)")
                {
                    Caption = 'Unit Cost';
                }
            }
        }
    }

    trigger OnModifyRecord(): Boolean
    begin
        if Rec.Type = Rec.Type::" " then
            Error(CommentHasNoCostErr);
        // The table checks the status for price and quantity, but not for the cost.
        Rec.TestStatusOpen();
        exit(true);
    end;

    var
        CommentHasNoCostErr: Label 'A comment line has no unit cost.';
}
