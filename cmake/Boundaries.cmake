# SPDX-License-Identifier: Apache-2.0
# Which targets may link which library. (tests/unit/boundaries_test.cpp checks which source may
# include what.)

# flowstamp_check_boundaries(): fails the configuration if a target links a library it may not use
function(flowstamp_check_boundaries)
    flowstamp_only("PkgConfig::libbpf"
        "flowstamp_kernel|flowstamp_(bpf|vm)_[a-z_]*|flowstamp_bench[a-z_]*")
    flowstamp_only("CLI11::CLI11" "flowstamp_cmd")
    flowstamp_only("PkgConfig::libpcap" "flowstamp_net|capture_fuzz")
    flowstamp_only("PkgConfig::nettle" "flowstamp_net")
    flowstamp_only("PkgConfig::libnftables" "flowstamp_netfilter")
    flowstamp_only("PkgConfig::libsystemd" "flowstamp_base")
    flowstamp_only("prometheus-cpp::pull" "flowstamp_metrics")
    flowstamp_only("PkgConfig::ncursesw" "flowstamp_output")
endfunction()

function(flowstamp_only library allowed)
    flowstamp_targets(${PROJECT_SOURCE_DIR} targets)
    foreach(target IN LISTS targets)
        if(target MATCHES "^(${allowed})$")
            continue()
        endif()
        foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
            get_target_property(linked ${target} ${property})
            if("${library}" IN_LIST linked)
                message(FATAL_ERROR "${target} links ${library}: only ${allowed} may")
            endif()
        endforeach()
    endforeach()
endfunction()

# all targets of FOLDER and below, into the variable RESULT
function(flowstamp_targets folder result)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    foreach(sub IN LISTS folders)
        flowstamp_targets(${sub} more)
        list(APPEND targets ${more})
    endforeach()
    set(${result} ${targets} PARENT_SCOPE)
endfunction()
