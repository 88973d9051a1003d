"""Released weights and configurations in the Hugging Face layout: to a spec, and to a model with those weights."""
