"""Halo and Microsoft Dynamics 365 Business Central, kept in step."""
