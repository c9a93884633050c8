# SPDX-License-Identifier: Apache-2.0
# Packages of the distribution; `./dev deps` installs them.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(libbpf REQUIRED IMPORTED_TARGET libbpf>=1.3)
option(FLOWSTAMP_STATIC_LIBBPF "link libbpf into the program, which then runs without it" OFF)
if(FLOWSTAMP_STATIC_LIBBPF)
    find_library(FLOWSTAMP_LIBBPF_ARCHIVE libbpf.a REQUIRED)
    set_target_properties(PkgConfig::libbpf PROPERTIES
        INTERFACE_LINK_LIBRARIES "${FLOWSTAMP_LIBBPF_ARCHIVE};elf;z")
endif()
pkg_check_modules(libpcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(nettle REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(libnftables REQUIRED IMPORTED_TARGET libnftables)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(ncursesw REQUIRED IMPORTED_TARGET ncursesw)
# It repeats what g++ defines anyway, which would void precompiled headers.
set_target_properties(PkgConfig::ncursesw PROPERTIES INTERFACE_COMPILE_OPTIONS "")
find_path(FLOWSTAMP_TOMLPLUSPLUS toml++/toml.h REQUIRED)  # used as headers only
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp QUIET)
if(TARGET prometheus-cpp::pull)
    set(FLOWSTAMP_METRICS_LIBRARIES prometheus-cpp::pull)
    set(FLOWSTAMP_METRICS_WITHOUT absent)
else()
    message(STATUS "prometheus-cpp is missing: `watch --metrics` will only say so")
    set(FLOWSTAMP_METRICS_LIBRARIES "")
    set(FLOWSTAMP_METRICS_WITHOUT prometheus)
endif()
# Charts of `flowstamp report`; a part of the program then.
find_path(FLOWSTAMP_DYGRAPHS dygraph.min.js PATHS /usr/share/javascript/dygraphs NO_DEFAULT_PATH)
if(FLOWSTAMP_DYGRAPHS)
    set(FLOWSTAMP_REPORT_WITHOUT absent)
else()
    message(STATUS "libjs-dygraphs is missing: `report` will only say so")
    set(FLOWSTAMP_REPORT_WITHOUT embedded)
endif()

if(BUILD_TESTING OR NOT DEFINED BUILD_TESTING)
    find_package(GTest REQUIRED)
    find_package(benchmark QUIET)  # only for tests/bench
    # Count what a packet costs: an emulator of the processor, and a disassembler.
    pkg_check_modules(unicorn REQUIRED IMPORTED_TARGET unicorn)
    pkg_check_modules(capstone REQUIRED IMPORTED_TARGET capstone)
    # Reads metrics and alert rules; `./dev deps` takes it out of its package.
    find_program(FLOWSTAMP_PROMTOOL promtool HINTS ${PROJECT_BINARY_DIR}/tools)
    if(NOT FLOWSTAMP_PROMTOOL)
        set(FLOWSTAMP_PROMTOOL "")
    endif()
endif()
