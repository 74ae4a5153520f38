"""Reports: what a model looks at in every class, as PDF and as one HTML file; a folder for each section."""
