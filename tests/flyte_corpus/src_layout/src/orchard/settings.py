PACKAGES = ["attrs", "idna"]
