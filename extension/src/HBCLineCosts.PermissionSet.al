namespace HaloBc.LineCosts;

using Microsoft.Sales.Document;

/// <summary>
/// What the app needs besides the permission sets it already has for the standard API.
/// </summary>
permissionset 88412 "HBC Line Costs"
{
    Access = Public;
    Assignable = true;
    Caption = 'Halo Line Costs';
    Permissions =
        page "HBC Sales Line Costs" = X,
        tabledata "Sales Header" = R,
        tabledata "Sales Line" = RM;
}
