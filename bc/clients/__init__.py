"""One client for each remote: Business Central, Halo and Microsoft Entra, over one shared transport."""
