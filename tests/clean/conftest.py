"""What tests of reading books share."""

import shutil

import pytest


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Give a function that fills a project, made once, into the folder of each test that asks."""
    made = {}

    def fill(make, project):
        if make not in made:
            root = made[make] = tmp_path_factory.mktemp("project")
            (root / "data" / "raw").mkdir(parents=True)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LIANJIAN_ROOT", str(root))
                make(root)
        shutil.copytree(made[make], project, dirs_exist_ok=True)

    return fill
