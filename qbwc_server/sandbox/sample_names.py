"""The names of the sample firm; nobody and nothing is called so on purpose."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = (
    *("Odalys", "Renée", "Tobiah", "Måns", "Ximena", "Fergal", "Zoë", "Ignác"),
    *("Perpetua", "Lorcan", "Saoirse", "Björk", "Callum", "Nerida", "Ottoline"),
    *("Quillon", "Thaïs", "Ursula", "Vikram", "Wendell", "Yasmin", "André"),
)
LAST_NAMES: Final = (
    *("Harborough", "Valenti", "Núñez-Oakes", "Thorsgård", "Quillfeather", "Bramwell"),
    *("Eastlake", "O'Dwyer-Pell", "Krähenbühl", "Lanternby", "Massoud", "Underhay"),
    *("Fjeldstad", "Peçanha", "Winterbourne", "Zabriskie"),
)
TITLES: Final = (
    *("Principal", "Project Architect", "Designer", "Job Captain", "Drafter"),
    *("Interior Designer", "Office Manager"),
)
CLIENT_WORDS: Final = (
    (
        *("Alder", "Beacon", "Cinder", "Driftwood", "Ember", "Foxglove", "Granite"),
        *("Hollow", "Ironbark", "Juniper", "Kestrel", "Lantern", "Müllerhof"),
    ),
    (
        *("Bay Hospital Trust", "Brewing Co.", "County Schools", "Development LLC"),
        *("Family Homes", "Library & Archive", "Point Marina", "Theatre Society"),
    ),
)
JOB_WORDS: Final = (
    (
        *("North", "South", "East", "West", "Main", "Upper", "Lower", "Old", "New"),
        *("River", "Hill", "Market"),
    ),
    (
        *("Annex", "Atrium", "Boathouse", "Clinic", "Courtyard", "Façade", "Gallery"),
        *("Hall", "Lobby", "Pavilion", "Residence", "Tower", "Workshop"),
    ),
)
STAGES: Final = (
    *("Feasibility", "Schematic Design", "Design Development", "Permit Set"),
    *("Construction Documents", "Bidding", "Construction Administration"),
    *("Phase 1", "Phase 2", "Phase 3", "Tenant Fit-out", "Close-out", "As-builts"),
)
ITEMS: Final[dict[str, tuple[str, ...]]] = {
    "Architecture": (
        *("Feasibility Study", "Schematic Design", "Design Development"),
        *("Construction Documents", "Permitting", "Bidding", "Site Observation"),
        "Punch List",
    ),
    "Interiors": ("Space Planning", "Finishes", "Furniture", "Lighting", "Signage"),
    "Planning": ("Zoning Review", "Master Plan", "Public Hearing", "Survey Review"),
    "Visualisation": ("Model", "Rendering", "Animation", "Physical Model"),
    "Coordination": ("Structural", "Mechanical", "Civil", "Landscape", "Code Review"),
    "Meetings": ("Client Meeting", "Site Meeting", "Team Meeting"),
    "Travel": (),
    "Administration": ("Proposals", "Marketing"),
    "Training": (),
    "Research": (),
}
CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "Harbor Studio": ("Residential", "Civic"),
    "Vale Studio": ("Health", "Education", "Hospitality"),
    "Overhead": (),
}
PAYROLL_ITEMS: Final = (
    ("Hourly Studio", "HourlyRegular"),
    ("Hourly Overtime", "HourlyOvertime"),
    ("Salary Studio", "SalaryRegular"),
    ("Sick Hourly", "HourlySick"),
    ("Vacation Hourly", "HourlyVacation"),
)
CONSULTANTS: Final = (
    *("Plumbline Structures", "Tidewater Civil", "Lumen & Ørsted Lighting"),
    *("Greenroof Collective", "Sketchbird Renderings"),
)
NOTES: Final = (
    "",
    "",
    "Coordination with the engineer; see mark-ups",
    "Client asked for two more options",
    "Revised stair & handrail details",
    'Redlines, sheet set "A"',
    "Café level: ceiling heights < 2.7 m checked",
    "Site visit, drove both ways",
    "Permit comments, round two",
    "Door schedule\nHardware schedule",
)
