OTHER = "dotted-other"


class Variables:
    level = "debug"
    all = {"LEVEL": level}
