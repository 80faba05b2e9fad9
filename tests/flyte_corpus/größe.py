# -*- coding: utf-8 -*-
"""Misst die Größe von Äpfeln."""

import flyte

größe = "äpfel".encode("ascii", "ignore").decode()
PAKETE = ["attrs", "idna"]

umgebung = flyte.TaskEnvironment(
    name="groesse",
    description="Größe von Äpfeln",
    image=flyte.Image.from_debian_base(name="groesse").with_pip_packages(*PAKETE).with_env_vars({"GRUSS": "Grüße"}),
)


@umgebung.task
def messen() -> str:
    return größe
