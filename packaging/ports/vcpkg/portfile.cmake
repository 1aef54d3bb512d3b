# Not tested. The SHA512 is that of the release's source archive.
vcpkg_from_github(
  OUT_SOURCE_PATH SOURCE_PATH
  REPO evscale/evscale
  REF "v${VERSION}"
  SHA512 0
)
find_program(CARGO cargo REQUIRED)
vcpkg_execute_required_process(
  COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${CURRENT_BUILDTREES_DIR}/cargo"
    "${CARGO}" build --profile dist --locked -p evscale-ffi
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME build
)
vcpkg_execute_required_process(
  COMMAND "${SOURCE_PATH}/packaging/install.sh" install "${CURRENT_BUILDTREES_DIR}/cargo/dist" "${VERSION}" "${CURRENT_PACKAGES_DIR}"
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME install
)
file(INSTALL "${SOURCE_PATH}/LICENSE-MIT" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}" RENAME copyright)
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/evscale)
vcpkg_fixup_pkgconfig()
