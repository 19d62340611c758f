# Runs a build script for Vivado without Vivado: tclsh vivado_recorder.tcl CATALOGUE SLACK SCRIPT [ARGUMENT...]
#
# Every command that the script may use is here; it keeps a record of the design and complains about what Vivado would
# complain about, or would not notice: an unknown command, cell, pin, parameter or value; a pin with two drivers; a clock or
# reset left open; streams of different widths; a register or memory port without an address; addresses that overlap. Prints
# the design when the script ends. Exit code: the script's, or 9 with the complaint on stderr.
# SLACK stands for the timing that place and route would reach, in ns.

set complaint_code 9
proc complain {text} {
    puts stderr "recorder: $text"
    ::real_exit $::complaint_code
}
rename exit real_exit
set catalogue_file [lindex $argv 0]
set slack [lindex $argv 1]
set script [lindex $argv 2]
set argv [lrange $argv 3 end]
source $catalogue_file

set cells {}       ;# name -> dict ip, parameters
set driver_of {}   ;# input pin -> output pin
set peer_of {}     ;# interface -> interface (monitors excluded)
set monitors {}    ;# monitor interface -> what it watches
set externals {}   ;# interfaces that leave the chip
set assigned {}    ;# list of space, segment, low, high
set repository {}
set catalogued_own 0
set project {}
set validated 0
set files {}
set top {}
set run_done 0
set opened 0
set outputs {}

# ---- own IP: its pins come from the component.xml that the package holds -------------------------------------------------
proc read_component {file} {
    set stream [open $file]
    set text [read $stream]
    close $stream
    set parts {}
    foreach part {vendor library name version} {
        if {![regexp "<spirit:$part>(\[^<\]*)</spirit:$part>" $text -> value]} { complain "$file has no $part" }
        lappend parts $value
    }
    set vlnv [join $parts :]
    ip $vlnv {}
    set clock {}
    foreach {whole body} [regexp -all -inline {<spirit:busInterface>(.*?)</spirit:busInterface>} $text] {
        regexp {<spirit:name>([^<]*)} $body -> name
        regexp {busType spirit:vendor="xilinx.com" spirit:library="[a-z]*" spirit:name="([a-z]*)"} $body -> type
        if {$type eq "clock"} { set clock $name; pin $name in clock }
        if {$type eq "reset"} {
            regexp {POLARITY</spirit:name>\s*<spirit:value[^>]*>([A-Z_]*)} $body -> polarity
            pin $name in [expr {$polarity eq "ACTIVE_LOW" ? "reset-low" : "reset-high"}]
        }
    }
    foreach {whole body} [regexp -all -inline {<spirit:busInterface>(.*?)</spirit:busInterface>} $text] {
        if {![string match {*spirit:name="axis"*} $body]} continue
        regexp {<spirit:name>([^<]*)} $body -> name
        interface $name [expr {[string match *<spirit:slave/>* $body] ? "slave" : "master"}] axis $clock
        regexp {TDATA_NUM_BYTES</spirit:name>\s*<spirit:value[^>]*>([0-9]*)} $body -> bytes
        dict set ::stream_bits $vlnv/$name [expr {8 * $bytes}]
        if {![regexp {HAS_TLAST</spirit:name>\s*<spirit:value[^>]*>1} $body]} { dict set ::without_last $vlnv/$name 1 }
    }
}

# ---- looking things up --------------------------------------------------------------------------------------------------------
proc ip_of {cell} { return [dict get $::cells $cell ip] }
proc parameter_of {cell name fallback} {
    if {[dict exists $::cells $cell parameters CONFIG.$name]} { return [dict get $::cells $cell parameters CONFIG.$name] }
    return $fallback
}
# Entries of a cell's pins, interfaces, ..., with the numbers of an interconnect filled in.
proc entries {cell kind} {
    set result {}
    foreach {name value} [dict get $::catalogue [ip_of $cell] $kind] {
        set counts {}
        if {[string match *%S* $name]} { set counts [list %S [parameter_of $cell NUM_SI 1]] }
        if {[string match *%M* $name]} { set counts [list %M [parameter_of $cell NUM_MI 1]] }
        if {$counts eq {}} { dict set result $name $value; continue }
        lassign $counts mark count
        for {set i 0} {$i < $count} {incr i} {
            set map [list $mark [format %02d $i]]
            dict set result [string map $map $name] [string map $map $value]
        }
    }
    return $result
}
proc look_up {kind what path} {
    set path [string trimleft $path /]
    set slash [string first / $path]
    set cell [string range $path 0 [expr {$slash - 1}]]
    set name [string range $path [expr {$slash + 1}] end]
    if {![dict exists $::cells $cell]} { complain "there is no cell $cell ($path)" }
    if {![dict exists [entries $cell $kind] $name]} { complain "[ip_of $cell] has no $what $name ($path)" }
    return $cell/$name
}
proc entry {kind path} {
    set slash [string first / $path]
    return [dict get [entries [string range $path 0 [expr {$slash - 1}]] $kind] [string range $path [expr {$slash + 1}] end]]
}
proc get_bd_pins {path} { return [look_up pins pin $path] }
proc get_bd_intf_pins {path} { return [look_up interfaces interface $path] }
proc get_bd_addr_segs {path} { return [look_up segments "address segment" $path] }
proc get_bd_addr_spaces {path} { return [look_up spaces "address space" $path] }
proc get_bd_cells {name} {
    if {![dict exists $::cells $name]} { complain "there is no cell $name" }
    return $name
}

# ---- project ----------------------------------------------------------------------------------------------------------------------
proc create_project {args} {
    if {[llength $args] != 5 || [lindex $args 0] ne "-force" || [lindex $args 3] ne "-part"} { complain "create_project $args" }
    set ::project [lindex $args 1]
    set ::project_dir_name [lindex $args 2]
    set ::outputs [list "part [lindex $args 4]"]
}
proc current_project {} { return project:$::project }
proc current_fileset {} { return sources_1 }
proc get_board_parts {args} {
    if {[info exists ::env(RECORDER_BOARD_PART)]} {
        if {[string match [lindex $args end] $::env(RECORDER_BOARD_PART)]} { return [list $::env(RECORDER_BOARD_PART)] }
    }
    return {}
}
proc update_ip_catalog {args} {
    set component [::real_file join $::repository component.xml]
    if {![::real_file exists $component]} { complain "the IP repository $::repository has no component.xml" }
    read_component $component
    set ::catalogued_own 1
}
proc create_bd_design {name} { set ::design_name $name }

proc check_value {ip name value} {
    set parameters [dict get $::catalogue $ip parameters]
    if {![dict exists $parameters $name]} { complain "$ip has no parameter $name" }
    set check [dict get $parameters $name]
    if {$check eq "any"} return
    if {[lindex $check 0] eq "range"} {
        if {$value < [lindex $check 1] || $value > [lindex $check 2]} { complain "$ip: $name cannot be $value" }
    } elseif {$value ni $check} { complain "$ip: $name cannot be $value" }
}
proc set_property {args} {
    if {[lindex $args 0] eq "-dict"} {
        lassign $args - pairs target
    } else {
        lassign $args name value target
        set pairs [list $name $value]
    }
    foreach {name value} $pairs {
        if {[dict exists $::cells $target]} {
            check_value [ip_of $target] $name $value
            dict set ::cells $target parameters $name $value
        } elseif {$name in {board_part ip_repo_paths} && $target eq "project:$::project"} {
            if {$name eq "ip_repo_paths"} { set ::repository $value } else { lappend ::outputs "board_part $value" }
        } elseif {$name eq "synth_checkpoint_mode" && $target in $::files} {
            lappend ::outputs "synthesis [expr {$value eq "None" ? "in one run" : $value}]"
        } elseif {$name eq "top" && $target eq "sources_1"} {
            set ::top $value
        } else { complain "set_property $name of $target" }
    }
}
proc create_bd_cell {args} {
    lassign $args - type - vlnv name
    if {$type ne "ip" || [lindex $args 2] ne "-vlnv"} { complain "create_bd_cell $args" }
    if {![dict exists $::catalogue $vlnv]} { complain "there is no IP $vlnv in the catalogue" }
    if {[dict exists $::cells $name]} { complain "there is a cell $name already" }
    dict set ::cells $name [dict create ip $vlnv parameters {}]
    return $name
}
proc apply_bd_automation {args} {
    lassign $args - rule - config cell
    if {$rule eq "xilinx.com:bd_rule:processing_system7"} {
        foreach name [split [dict get $config make_external] ,] {
            lappend ::externals [look_up interfaces interface $cell/[string trim $name]]
        }
    } elseif {$rule ne "xilinx.com:bd_rule:zynq_ultra_ps_e"} { complain "there is no rule $rule" }
}

# ---- wires -------------------------------------------------------------------------------------------------------------------------
proc connect_bd_net {args} {
    set drivers {}
    set sinks {}
    foreach path $args {
        lassign [entry pins $path] direction kind
        if {$direction eq "out"} { lappend drivers $path } else { lappend sinks $path }
    }
    if {[llength $drivers] != 1} { complain "a net of [join $args {, }] has [llength $drivers] drivers" }
    set kind [lindex [entry pins $drivers] 1]
    foreach sink $sinks {
        if {[dict exists $::driver_of $sink]} { complain "$sink is driven twice" }
        set wanted [lindex [entry pins $sink] 1]
        set fits [expr {$wanted eq $kind || ($wanted eq "reset-any" && [string match reset-* $kind])}]
        if {!$fits} { complain "$drivers ($kind) drives $sink ($wanted)" }
        dict set ::driver_of $sink $drivers
    }
}
proc connect_bd_intf_net {a b} {
    foreach {one other} [list $a $b $b $a] {
        if {[lindex [entry interfaces $one] 0] eq "monitor"} {
            if {[lindex [entry interfaces $one] 1] ne [lindex [entry interfaces $other] 1]} { complain "$one cannot watch $other" }
            dict set ::monitors $one $other
            return
        }
    }
    lassign [entry interfaces $a] mode_a protocol_a
    lassign [entry interfaces $b] mode_b protocol_b
    if {$protocol_a ne $protocol_b} { complain "$a is $protocol_a, $b is $protocol_b" }
    if {$mode_a eq $mode_b} { complain "$a and $b are both $mode_a" }
    foreach {one other} [list $a $b $b $a] {
        if {[dict exists $::peer_of $one]} { complain "$one is connected twice" }
        dict set ::peer_of $one $other
    }
}
proc bits_of {path} {
    lassign [split $path /] cell name
    switch -- [ip_of $cell]/$name {
        xilinx.com:ip:axi_dma/M_AXIS_MM2S { return [parameter_of $cell c_m_axis_mm2s_tdata_width 32] }
        xilinx.com:ip:axi_dma/S_AXIS_S2MM { return [parameter_of $cell c_s_axis_s2mm_tdata_width 32] }
    }
    return [dict get $::stream_bits [ip_of $cell]/$name]
}

# ---- addresses ------------------------------------------------------------------------------------------------------------------------
proc number {text} {
    if {[regexp {^([0-9]+)([KMG])$} $text -> count unit]} { return [expr {$count << [dict get {K 10 M 20 G 30} $unit]}] }
    return [expr {$text}]
}
proc assign_bd_address {args} {
    set offset 0
    set range {}
    for {set i 0} {$i < [llength $args]} {incr i} {
        set word [lindex $args $i]
        switch -- $word {
            -offset { set offset [number [lindex $args [incr i]]] }
            -range { set range [number [lindex $args [incr i]]] }
            -target_address_space { set space [lindex $args [incr i]] }
            -force {}
            default { set segment $word }
        }
    }
    # A processor's memory is where it is; only registers are placed.
    if {$range eq {}} { set range [number 512M] }
    if {$range & ($range - 1)} { complain "$segment: a range of $range is no power of two" }
    if {$offset % $range} { complain [format "%s: 0x%X is no multiple of the range 0x%X" $segment $offset $range] }
    set high [expr {$offset + $range - 1}]
    foreach other $::assigned {
        lassign $other other_space other_segment other_low other_high
        if {$other_space eq $space && $offset <= $other_high && $other_low <= $high} {
            complain [format "%s and %s overlap at 0x%X in %s" $segment $other_segment [expr {max($offset, $other_low)}] $space]
        }
    }
    lassign [split $space /] cell name
    if {[dict exists [dict get $::catalogue [ip_of $cell] windows] $name]} {
        lassign [dict get $::catalogue [ip_of $cell] windows $name] low top
        if {$offset < $low || $high > $top} { complain [format "%s: 0x%X is outside what %s reaches" $segment $offset $space] }
    }
    lappend ::assigned [list $space $segment $offset $high]
}

# ---- the whole design -----------------------------------------------------------------------------------------------------------------
proc reaches {from to} {
    # Whether a master interface leads to a slave interface, through interconnects.
    set next [dict get $::peer_of $from]
    if {$next eq $to} { return 1 }
    set cell [lindex [split $next /] 0]
    if {[ip_of $cell] ni {xilinx.com:ip:axi_interconnect xilinx.com:ip:smartconnect}} { return 0 }
    foreach {name entry} [entries $cell interfaces] {
        if {[lindex $entry 0] eq "master" && [reaches $cell/$name $to]} { return 1 }
    }
    return 0
}
proc clock_of {interface} {
    set cell [lindex [split $interface /] 0]
    return [dict get $::driver_of $cell/[lindex [entry interfaces $interface] 2]]
}
proc validate_bd_design {} {
    foreach cell [dict keys $::cells] {
        foreach {name entry} [entries $cell pins] {
            lassign $entry direction kind need
            if {$direction eq "in" && $need eq "required" && ![dict exists $::driver_of $cell/$name]} {
                complain "$cell/$name ($kind) is not connected"
            }
        }
        foreach {name entry} [entries $cell interfaces] {
            set path $cell/$name
            if {[lindex $entry 0] eq "monitor"} {
                if {![dict exists $::monitors $path]} { complain "$path is not connected" }
            } elseif {![dict exists $::peer_of $path] && $path ni $::externals} { complain "$path is not connected" }
        }
    }
    dict for {one other} $::peer_of {
        if {[clock_of $one] ne [clock_of $other]} { complain "$one and $other have different clocks" }
        if {[lindex [entry interfaces $one] 1] ne "axis"} continue
        if {[bits_of $one] != [bits_of $other]} { complain "$one has [bits_of $one] bits, $other has [bits_of $other]" }
        lassign [split $one /] cell name
        if {[dict exists $::without_last [ip_of $cell]/$name]} { complain "$one has no TLAST, and $other needs it" }
    }
    foreach cell [dict keys $::cells] {
        if {[ip_of $cell] eq "xilinx.com:ip:axi_dma"} {
            foreach {stream memory} {m_axis_mm2s m_axi_mm2s s_axis_s2mm m_axi_s2mm} {
                set narrow [parameter_of $cell c_${stream}_tdata_width 32]
                set wide [parameter_of $cell c_${memory}_data_width 32]
                if {$narrow > $wide} { complain "$cell: a stream of $narrow bits is wider than its memory port of $wide" }
            }
        }
        foreach {space port} [entries $cell spaces] {
            set found 0
            foreach assignment $::assigned {
                lassign $assignment assigned_space segment
                if {$assigned_space ne "$cell/$space"} continue
                set found 1
                set slave [lindex [split $segment /] 0]/[entry segments $segment]
                if {![reaches $cell/$port $slave]} { complain "$cell/$port does not lead to $segment" }
            }
            if {!$found} { complain "$cell/$space reaches nothing: no address is assigned" }
        }
    }
    set ::validated 1
}
proc save_bd_design {} {
    if {!$::validated} { complain "the design is saved before it is validated" }
    set ::files [list $::design_name.bd]
}

# ---- build -----------------------------------------------------------------------------------------------------------------------------
proc get_files {name} {
    if {$name ni $::files} { complain "there is no file $name in the project" }
    return $name
}
proc make_wrapper {args} {
    if {[lindex $args 0] ne "-files" || [lindex $args 2] ne "-top"} { complain "make_wrapper $args" }
    return ${::design_name}_wrapper.v
}
proc add_files {args} {
    foreach name [lindex $args end] {
        if {[string match *.mem $name] && ![::real_file exists $name]} { complain "there is no $name" }
        lappend ::files [::real_file tail $name]
    }
}
proc generate_target {what file} { lappend ::outputs "generate_target $what $file" }
proc update_compile_order {args} {}
proc get_runs {name} { if {$name ni {synth_1 impl_1}} { complain "there is no run $name" }; return $name }
proc launch_runs {args} {
    if {$::top ne "${::design_name}_wrapper" || "${::design_name}_wrapper.v" ni $::files} { complain "the run has no top" }
    if {[lrange $args 0 2] ne {impl_1 -to_step write_bitstream}} { complain "launch_runs $args" }
    set images 0
    foreach name $::files { if {[string match *.mem $name]} { incr images } }
    lappend ::outputs "run with $images memory images"
}
proc wait_on_run {run} { set ::run_done 1 }
proc open_run {run} { if {!$::run_done} { complain "the run is opened before it is done" }; set ::opened 1 }
proc get_property {name run} {
    switch -- $name {
        PROGRESS { return [expr {$::run_done ? "100%" : "0%"}] }
        STATUS { return "write_bitstream Complete!" }
        STATS.WNS { return $::slack }
        STATS.WHS { return 0.05 }
    }
    complain "there is no property $name"
}
proc report_file {args} {
    if {!$::opened} { complain "a report before the run is open" }
    lappend ::outputs "report [::real_file tail [lindex $args [expr {[lsearch $args -file] + 1}]]]"
}
interp alias {} report_timing_summary {} report_file
interp alias {} report_utilization {} report_file
proc write_hw_platform {args} {
    foreach option {-fixed -include_bit -force -file} { if {$option ni $args} { complain "write_hw_platform without $option" } }
    lappend ::outputs "wrote [::real_file tail [lindex $args end]]"
}

# Files of the build do not exist: what the script makes of them is recorded.
rename file real_file
proc file {command args} {
    if {$command eq "mkdir"} return
    if {$command eq "copy"} {
        set parts [::real_file split [lindex $args end]]
        lappend ::outputs "copied to [join [lrange $parts end-1 end] /]"
        return
    }
    return [uplevel 1 [list ::real_file $command {*}$args]]
}
rename glob real_glob
proc glob {args} {
    if {[string match *.hwh [lindex $args end]]} { return [list [::real_file join $::project_dir_name $::design_name.hwh]] }
    return [uplevel 1 [list ::real_glob {*}$args]]
}
proc finish {code} {
    foreach cell [lsort [dict keys $::cells]] {
        puts "cell $cell [ip_of $cell]"
        dict for {name value} [dict get $::cells $cell parameters] {
            puts "parameter $cell [string range $name 7 end] $value"
        }
    }
    dict for {monitor path} $::monitors { puts "watched $path" }
    foreach assignment $::assigned {
        lassign $assignment space segment low high
        puts [format "address %s %s 0x%X" $space $segment $low]
    }
    foreach output $::outputs { puts $output }
    ::real_exit $code
}
proc exit {{code 0}} { finish $code }
rename unknown tcl_unknown
proc unknown {args} { complain "there is no command [lindex $args 0]" }

set stream_bits {}
set without_last {}
set argv0 $script
if {[catch {source $script} message]} { complain "$message\n$::errorInfo" }
if {!$validated} { complain "the design was not validated" }
finish 0
