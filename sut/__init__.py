"""The backend: accounts, datasets, analyses and reports, behind the contract of docs/contract.md."""
