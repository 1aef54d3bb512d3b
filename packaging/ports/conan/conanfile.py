"""Recipe for Conan 2. Not tested."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration


class Evscale(ConanFile):
    name = "evscale"
    version = "0.1.0"
    license = "MIT OR Apache-2.0"
    url = "https://github.com/evscale/evscale"
    description = "Embeddable predictive autoscaler for pools of jobs that process events"
    settings = "os", "arch"
    options = {"shared": [True, False]}  # noqa: RUF012
    default_options = {"shared": True}  # noqa: RUF012

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("evscale is tested on Linux only")

    def export_sources(self):
        checkout = os.path.join(self.recipe_folder, "../../..")
        self.run(f'git -C "{checkout}" archive HEAD | tar -x -C "{self.export_sources_folder}"')

    def build(self):
        self.run(f'CARGO_TARGET_DIR="{self.build_folder}/target" cargo build --profile dist --locked -p evscale-ffi',
                 cwd=self.export_sources_folder)

    def package(self):
        self.run(f'packaging/install.sh install "{self.build_folder}/target/dist" {self.version} "{self.package_folder}"',
                 cwd=self.export_sources_folder)

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "evscale")
        self.cpp_info.set_property("cmake_target_name", "evscale::evscale")
        self.cpp_info.libs = ["evscale"] if self.options.shared else [":libevscale.a"]
        if not self.options.shared:
            self.cpp_info.system_libs = ["util", "rt", "pthread", "m", "dl"]
