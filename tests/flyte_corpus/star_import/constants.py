NAME = "star-import"
PACKAGES = ["attrs"]
