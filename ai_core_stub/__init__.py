"""ai_core: fits a model to an uploaded table and explains it with SHAP."""
