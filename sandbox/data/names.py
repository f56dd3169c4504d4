"""Words that believable customers, addresses and products are made of."""

from __future__ import annotations

import random
from collections.abc import Sequence

FIRST = (
    "Alder", "Beacon", "Bramble", "Calder", "Cobalt", "Copper", "Dunmore", "Eastgate", "Fallow", "Fernhill",
    "Granite", "Harbour", "Hartwell", "Ivybridge", "Juniper", "Kestrel", "Kingsway", "Larch", "Lindale", "Marlow",
    "Meridian", "Mosswood", "Newbury", "Northgate", "Oakfield", "Orchard", "Pembroke", "Pennine", "Quarry", "Ravens",
    "Redwood", "Rowan", "Saxon", "Silver", "Solent", "Sterling", "Summit", "Thornbury", "Tideway", "Trinity",
    "Upton", "Vale", "Wensley", "Westmoor", "Whitby", "Willow", "Windrush", "Wolds", "Yarrow", "Zenith",
)  # fmt: skip
SECOND = (
    "Accountants", "Architects", "Bakery", "Builders", "Catering", "Ceramics", "Chambers", "Clinics", "Construction",
    "Consulting", "Dental", "Design", "Distribution", "Electrical", "Engineering", "Estates", "Farms", "Finance",
    "Foods", "Furniture", "Haulage", "Homes", "Hotels", "Instruments", "Insurance", "Joinery", "Laboratories",
    "Landscapes", "Legal", "Logistics", "Marine", "Media", "Motors", "Optics", "Packaging", "Pharmacy", "Plastics",
    "Precision", "Printing", "Properties", "Recruitment", "Renewables", "Roofing", "Schools", "Solicitors", "Surveyors",
    "Textiles", "Training", "Travel", "Veterinary",
)  # fmt: skip
GB_FORMS = ("Ltd", "Limited", "LLP", "plc", "Ltd", "Ltd", "& Sons Ltd", "Group Ltd")
US_FORMS = ("Inc.", "LLC", "Inc.", "Corp.", "LLC", "Group, Inc.", "& Co.")
DE_FORMS = ("GmbH", "GmbH & Co. KG", "AG", "GmbH", "KG")
PEOPLE = (
    ("Amara", "Okafor"), ("Ben", "Whitlock"), ("Chloe", "Marsden"), ("Dilip", "Rao"), ("Eleri", "Pugh"),
    ("Finn", "O'Brien"), ("Grace", "Adeyemi"), ("Hugo", "Lindqvist"), ("Iris", "Castellan"), ("Jonas", "Brandt"),
)  # fmt: skip
STREETS = (
    "High Street", "Station Road", "Mill Lane", "Church Street", "Victoria Road", "Park Avenue", "Queen Street",
    "Castle Street", "Bridge Road", "London Road", "Market Place", "The Crescent", "Foundry Lane", "Canal Wharf",
)  # fmt: skip
BUILDINGS = ("", "", "", "Unit 4", "Suite 12", "2nd Floor", "The Old Maltings", "Innovation House", "Block C")
GB_PLACES = (
    ("London", "", "EC2A 4NE"), ("Manchester", "Greater Manchester", "M1 4BT"), ("Leeds", "West Yorkshire", "LS1 5HD"),
    ("Bristol", "", "BS1 6QA"), ("Norwich", "Norfolk", "NR2 1TF"), ("York", "North Yorkshire", "YO1 7HH"),
    ("Exeter", "Devon", "EX1 1SR"), ("Cardiff", "", "CF10 2HQ"), ("Edinburgh", "", "EH2 2ER"),
    ("Cambridge", "Cambridgeshire", "CB2 1TN"), ("Preston", "Lancashire", "PR1 3BX"), ("Derby", "Derbyshire", "DE1 2GR"),
    ("Ipswich", "Suffolk", "IP1 3DE"), ("Reading", "Berkshire", "RG1 2AG"), ("Newcastle upon Tyne", "", "NE1 4ST"),
)  # fmt: skip
DE_PLACES = (
    ("Berlin", "", "10115"), ("Hamburg", "", "20095"), ("München", "Bayern", "80331"), ("Köln", "NRW", "50667"),
    ("Leipzig", "Sachsen", "04109"), ("Nürnberg", "Bayern", "90402"), ("Bremen", "", "28195"),
)  # fmt: skip
# city, state, ZIP code; the tax area has the city's name
US_PLACES = (
    ("Seattle", "WA", "98101"), ("New York", "NY", "10013"), ("Chicago", "IL", "60606"), ("Atlanta", "GA", "30303"),
    ("Austin", "TX", "78701"), ("Miami", "FL", "33131"), ("Portland", "OR", "97204"),
)  # fmt: skip
ABROAD = (
    ("IE", "Dublin", "", "D02 X285"), ("FR", "Lyon", "", "69002"), ("NL", "Utrecht", "", "3511 AB"),
    ("US", "Boston", "MA", "02110"), ("US", "Austin", "TX", "78701"), ("CH", "Zürich", "", "8001"),
)  # fmt: skip

# category, type, name, unit, cost, margin in percent
PRODUCTS: tuple[tuple[str, str, str, str, str, int], ...] = (
    ("NOTEBOOK", "Inventory", "Notebook 14\" {n}", "PCS", "612.40", 22),
    ("NOTEBOOK", "Inventory", "Notebook 16\" {n}", "PCS", "934.10", 20),
    ("DESKTOP", "Inventory", "Desktop Mini {n}", "PCS", "488.00", 24),
    ("MONITOR", "Inventory", "Monitor 27\" {n}", "PCS", "189.95", 28),
    ("NETWORK", "Inventory", "Switch 24-port {n}", "PCS", "271.30", 30),
    ("NETWORK", "Inventory", "Wi-Fi access point {n}", "PCS", "118.75", 35),
    ("NETWORK", "Inventory", "Firewall appliance {n}", "PCS", "742.00", 25),
    ("ACCESSORY", "Inventory", "Docking station {n}", "PCS", "129.99", 30),
    ("ACCESSORY", "Inventory", "Headset {n}", "PCS", "48.20", 45),
    ("CABLE", "Inventory", "Patch cable {n} m", "PCS", "1.85", 140),
    ("SERVER", "Inventory", "Rack server {n}", "PCS", "3180.00", 18),
    ("PRINTER", "Inventory", "Laser printer {n}", "PCS", "264.50", 26),
    ("LICENCE", "Non-Inventory", "Office suite licence, plan {n}", "USER", "8.40", 18),
    ("LICENCE", "Non-Inventory", "Endpoint protection, tier {n}", "USER", "2.15", 60),
    ("LICENCE", "Non-Inventory", "Backup licence {n} TB", "MONTH", "31.00", 40),
    ("CLOUD", "Non-Inventory", "Virtual server size {n}", "MONTH", "46.80", 35),
    ("SUPPORT", "Service", "Managed support, level {n}", "USER", "14.00", 120),
    ("SUPPORT", "Service", "Remote support, level {n}", "HOUR", "38.00", 130),
    ("LABOUR", "Service", "On-site engineer, grade {n}", "HOUR", "45.00", 120),
    ("LABOUR", "Service", "Project consultant, grade {n}", "DAY", "410.00", 110),
    ("TELECOM", "Non-Inventory", "SIP channels, pack of {n}", "MONTH", "11.50", 70),
    ("TRAINING", "Service", "Workshop {n}", "DAY", "390.00", 90),
)  # fmt: skip


def fresh_name(rng: random.Random, forms: Sequence[str], taken: set[str]) -> str:
    """A company name that is not in `taken`, with one of the legal forms; it is put there."""
    while True:
        stem = f"{rng.choice(FIRST)} {rng.choice(SECOND)}"
        if len(taken) >= len(FIRST) * len(SECOND) * 2 // 3:
            stem = f"{stem} {len(taken)}"
        if stem not in taken:
            taken.add(stem)
            return f"{stem} {rng.choice(forms)}"
