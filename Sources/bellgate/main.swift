print("bellgate")
