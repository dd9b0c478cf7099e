"""The real thing abused: a whole plane under load, its processes killed at random.

soak.py      one soak from start to end, and what it came to
apps.py      the light apps it runs, made and deployed through the API
visitors.py  who asks them all the while, and which failures a kill explains
people.py    who changes them meanwhile, and what they were told
killer.py    who kills what
left.py      what must not be there afterwards
"""
