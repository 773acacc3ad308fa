pytest_plugins = ("pytester", "tests.contracted", "tests.stores")
