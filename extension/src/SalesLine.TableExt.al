namespace HaloBc.LineCosts;

using Microsoft.Sales.Document;

/// <summary>
/// Gives a sales line the id of its document, so that the API page can show it and filter by it.
/// Calculated, never stored: the extension adds no data to the sales lines.
/// </summary>
tableextension 88410 "HBC Sales Line" extends "Sales Line"
{
    fields
    {
        field(88410; "HBC Document Id"; Guid)
        {
            CalcFormula = lookup("Sales Header".SystemId where("Document Type" = field("Document Type"), "No." = field("Document No.")));
            Caption = 'Document Id';
            Editable = false;
            FieldClass = FlowField;
        }
    }
}
