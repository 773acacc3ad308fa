pytest_plugins = ("pytester", "tests.contracted")
