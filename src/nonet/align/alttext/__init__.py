"""Alt texts of web pages and the pictures that they stand for (Jia et al. 2021, section 3)."""
