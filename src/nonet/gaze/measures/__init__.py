"""What the tasks measure: latencies, pursuit, search, heat maps, reading, steadiness, and their statistics."""
