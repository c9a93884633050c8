# SPDX-License-Identifier: Apache-2.0
# flowstamp_gtest(TARGET LABEL label [TIMEOUT seconds] [SERIAL] [PARALLEL suite...]
#                 [SIDE_BY_SIDE suite...] [ENVIRONMENT VAR=value...])
#
# Registers one ctest test per GoogleTest suite of TARGET. Per suite, not per case: that locates a
# failure well enough, and the suite's fixture (a loaded BPF object, a lab) is set up once.
# SERIAL: each runs alone, for tests that depend on real time; except the suites in PARALLEL. Of those in
# SIDE_BY_SIDE six tests run at a time.
# Exit status 77 (see tests/support/main.cpp) is ctest's "skipped".

function(flowstamp_gtest target)
    cmake_parse_arguments(arg "SERIAL" "LABEL;TIMEOUT" "ENVIRONMENT;PARALLEL;SIDE_BY_SIDE" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
    set(include ${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake)
    set(properties LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
    if(arg_ENVIRONMENT)
        list(APPEND properties ENVIRONMENT ${arg_ENVIRONMENT})
    endif()
    add_custom_command(
        TARGET ${target} POST_BUILD
        COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${target}> -DLABEL=${arg_LABEL}
                "-DPROPERTIES=${properties}" -DSERIAL=${arg_SERIAL} "-DPARALLEL=${arg_PARALLEL}"
                "-DSIDE_BY_SIDE=${arg_SIDE_BY_SIDE}" -DOUTPUT=${list}
                -DSIDE_BY_SIDE_RUNNER=${PROJECT_SOURCE_DIR}/tests/side_by_side.sh
                -P ${PROJECT_SOURCE_DIR}/cmake/GtestSuites.cmake
        BYPRODUCTS ${list}
        VERBATIM)
    file(WRITE ${include}
         "if(EXISTS \"${list}\")\n"
         "    include(\"${list}\")\n"
         "else()\n"
         "    add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\n"
         "    set_tests_properties(${target}_NOT_BUILT PROPERTIES LABELS ${arg_LABEL})\n"
         "endif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()

# flowstamp_test_paths(TARGET NAME="path"...)
#
# Defines paths as macros, each only for the sources of TARGET that use it: on every command line, a
# path would keep ccache from sharing objects between checkouts.
function(flowstamp_test_paths target)
    get_target_property(sources ${target} SOURCES)
    foreach(definition IN LISTS ARGN)
        string(REGEX REPLACE "=.*" "" name "${definition}")
        foreach(source IN LISTS sources)
            file(STRINGS ${source} uses REGEX ${name})
            if(uses)
                set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS ${definition})
            endif()
        endforeach()
    endforeach()
endfunction()
