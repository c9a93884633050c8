# SPDX-License-Identifier: Apache-2.0
# Run as a script after PROGRAM was built: lists its suites and writes an add_test() for each, with
# PROPERTIES, to OUTPUT; with SERIAL, each but those in PARALLEL runs alone, those in SIDE_BY_SIDE by the
# script SIDE_BY_SIDE_RUNNER. "Suite/0.  # TypeParam = x" is a suite of a typed test.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} --gtest_list_tests
                OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[^ \n]+\\." suites "${listing}")
set(script "")
foreach(suite IN LISTS suites)
    string(REGEX REPLACE "[\n.]" "" suite "${suite}")
    set(command "[==[${PROGRAM}]==] [==[--gtest_filter=${suite}.*]==]")
    if(suite IN_LIST SIDE_BY_SIDE)
        set(command "[==[${SIDE_BY_SIDE_RUNNER}]==] ${command}")
    endif()
    string(APPEND script
           "add_test([==[${LABEL}.${suite}]==] ${command})\n"
           "set_tests_properties([==[${LABEL}.${suite}]==] PROPERTIES")
    set(properties ${PROPERTIES})
    if(SERIAL AND NOT suite IN_LIST PARALLEL)
        list(APPEND properties RUN_SERIAL ON)
    endif()
    foreach(word IN LISTS properties)
        string(APPEND script " [==[${word}]==]")
    endforeach()
    string(APPEND script ")\n")
endforeach()
file(WRITE ${OUTPUT} "${script}")
