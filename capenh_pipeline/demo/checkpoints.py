"""Where the two trained models stand, in this package."""

from pathlib import Path

MODELS_FOLDER = Path(__file__).with_name("models")
FLORENCE_NAME, MERGE_LLM_NAME = "florence2", "merge-llm"
FLORENCE_FOLDER = MODELS_FOLDER / FLORENCE_NAME
MERGE_LLM_FOLDER = MODELS_FOLDER / MERGE_LLM_NAME
EVALUATION_FILE = "RESULT.json"  # in each of the two folders
