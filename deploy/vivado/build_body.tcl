
# ---- what the command line asks for ---------------------------------------------------------------------------------
set with_ila 0
set stop_after_design 0
set jobs 2
for {set i 0} {$i < [llength $argv]} {incr i} {
    switch -- [lindex $argv $i] {
        --ila { set with_ila 1 }
        --design-only { set stop_after_design 1 }
        --jobs { set jobs [lindex $argv [incr i]] }
        default {
            puts stderr "build.tcl: no such option: [lindex $argv $i] (there are --ila, --design-only, --jobs N)"
            exit 2
        }
    }
}

set here [file dirname [file normalize [info script]]]
set project_dir [file join $here project]
set output_dir [file join $here output]
set ip_dir [file normalize [file join $here .. ip]]
file mkdir $output_dir

# ---- project --------------------------------------------------------------------------------------------------------
create_project -force $design $project_dir -part $part
set board_parts [lsort -dictionary [get_board_parts -quiet $board_parts_pattern]]
set has_board_files [expr {[llength $board_parts] > 0}]
if {$has_board_files} {
    set_property board_part [lindex $board_parts end] [current_project]
} else {
    puts "WARNING: Vivado has no board files for $board ($board_parts_pattern). The processing system keeps its defaults: good"
    puts "WARNING: enough where a boot image has set it up already (PYNQ, Linux), not for a bare-metal boot from the .xsa."
    puts "WARNING: Install them from Vivado's board store (Tools > Vivado Store > Boards) and run this script again."
}
set_property ip_repo_paths $ip_dir [current_project]
update_ip_catalog -rebuild
create_bd_design $design

proc new_cell {name ip} { return [create_bd_cell -type ip -vlnv $ip $name] }
proc wire_streams {from to} { connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to] }
# One driver, any number of pins.
proc wire {from args} {
    foreach to $args { connect_bd_net [get_bd_pins $from] [get_bd_pins $to] }
}

# ---- processing system: a clock, a reset, a port for registers and a port to memory ------------------------------------
if {$processing_system eq "zynq-7000"} {
    set ps [new_cell ps xilinx.com:ip:processing_system7]
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config [list make_external "FIXED_IO, DDR" \
        apply_board_preset $has_board_files Master Disable Slave Disable] $ps
    set_property -dict [list CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1 \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 \
        CONFIG.PCW_S_AXI_HP0_DATA_WIDTH $memory_bits] $ps
    set clock ps/FCLK_CLK0
    set reset ps/FCLK_RESET0_N
    set register_port ps/M_AXI_GP0
    set memory_port ps/S_AXI_HP0
    set memory_segment ps/S_AXI_HP0/HP0_DDR_LOWOCM
    wire $clock ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK
} else {
    set ps [new_cell ps xilinx.com:ip:zynq_ultra_ps_e]
    if {$has_board_files} {
        apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset 1} $ps
    }
    set_property -dict [list CONFIG.PSU__FPGA_PL0_ENABLE 1 CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz \
        CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
        CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__SAXIGP2__DATA_WIDTH $memory_bits CONFIG.PSU__USE__IRQ0 0] $ps
    set clock ps/pl_clk0
    set reset ps/pl_resetn0
    set register_port ps/M_AXI_HPM0_FPD
    set memory_port ps/S_AXI_HP0_FPD
    set memory_segment ps/SAXIGP2/HP0_DDR_LOW
    wire $clock ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk
}
new_cell resets xilinx.com:ip:proc_sys_reset
wire $clock resets/slowest_sync_clk
wire $reset resets/ext_reset_in

# ---- DMA in simple mode: its streams are as wide as the accelerator's ----------------------------------------------------
set dma [new_cell axi_dma_0 xilinx.com:ip:axi_dma]
set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_include_stscntrl_strm 0 CONFIG.c_sg_length_width $length_bits \
    CONFIG.c_include_mm2s 1 CONFIG.c_include_s2mm 1 CONFIG.c_include_mm2s_dre 0 CONFIG.c_include_s2mm_dre 0 \
    CONFIG.c_m_axi_mm2s_data_width $memory_bits CONFIG.c_m_axis_mm2s_tdata_width $input_bits \
    CONFIG.c_m_axi_s2mm_data_width $memory_bits CONFIG.c_s_axis_s2mm_tdata_width $output_bits \
    CONFIG.c_mm2s_burst_size 16 CONFIG.c_s2mm_burst_size 16] $dma
wire $clock axi_dma_0/s_axi_lite_aclk axi_dma_0/m_axi_mm2s_aclk axi_dma_0/m_axi_s2mm_aclk
wire resets/peripheral_aresetn axi_dma_0/axi_resetn

# ---- accelerator: a reset of the DMA by software resets it too -----------------------------------------------------------
new_cell accelerator $accelerator_vlnv
wire $clock accelerator/ap_clk
wire axi_dma_0/mm2s_prmry_reset_out_n accelerator/ap_rst_n
wire_streams axi_dma_0/M_AXIS_MM2S accelerator/s_axis_0
wire_streams accelerator/m_axis_0 axi_dma_0/S_AXIS_S2MM

# ---- registers and memory --------------------------------------------------------------------------------------------------
if {$processing_system eq "zynq-7000"} {
    # The small interconnect: half the size of a SmartConnect, and the ports are narrow.
    set registers [new_cell registers xilinx.com:ip:axi_interconnect]
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] $registers
    set memory [new_cell memory xilinx.com:ip:axi_interconnect]
    set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] $memory
    wire $clock registers/ACLK registers/S00_ACLK registers/M00_ACLK \
        memory/ACLK memory/S00_ACLK memory/S01_ACLK memory/M00_ACLK
    wire resets/interconnect_aresetn registers/ARESETN memory/ARESETN
    wire resets/peripheral_aresetn registers/S00_ARESETN registers/M00_ARESETN \
        memory/S00_ARESETN memory/S01_ARESETN memory/M00_ARESETN
} else {
    set registers [new_cell registers xilinx.com:ip:smartconnect]
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] $registers
    set memory [new_cell memory xilinx.com:ip:smartconnect]
    set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] $memory
    wire $clock registers/aclk memory/aclk
    wire resets/interconnect_aresetn registers/aresetn memory/aresetn
}
wire_streams $register_port registers/S00_AXI
wire_streams registers/M00_AXI axi_dma_0/S_AXI_LITE
wire_streams axi_dma_0/M_AXI_MM2S memory/S00_AXI
wire_streams axi_dma_0/M_AXI_S2MM memory/S01_AXI
wire_streams memory/M00_AXI $memory_port

# ---- a logic analyser on both streams ----------------------------------------------------------------------------------------
if {$with_ila} {
    set ila [new_cell ila xilinx.com:ip:system_ila]
    set_property -dict [list CONFIG.C_MON_TYPE INTERFACE CONFIG.C_NUM_MONITOR_SLOTS 2 CONFIG.C_DATA_DEPTH 1024 \
        CONFIG.C_SLOT_0_INTF_TYPE xilinx.com:interface:axis_rtl:1.0 \
        CONFIG.C_SLOT_1_INTF_TYPE xilinx.com:interface:axis_rtl:1.0] $ila
    wire $clock ila/clk
    wire resets/peripheral_aresetn ila/resetn
    wire_streams ila/SLOT_0_AXIS axi_dma_0/M_AXIS_MM2S
    wire_streams ila/SLOT_1_AXIS accelerator/m_axis_0
}

# ---- addresses ---------------------------------------------------------------------------------------------------------------
assign_bd_address -offset $dma_base -range 64K -target_address_space [get_bd_addr_spaces ps/Data] \
    [get_bd_addr_segs axi_dma_0/S_AXI_LITE/Reg] -force
assign_bd_address -target_address_space [get_bd_addr_spaces axi_dma_0/Data_MM2S] [get_bd_addr_segs $memory_segment] -force
assign_bd_address -target_address_space [get_bd_addr_spaces axi_dma_0/Data_S2MM] [get_bd_addr_segs $memory_segment] -force

validate_bd_design
save_bd_design
if {$stop_after_design} { exit 0 }

# ---- bitstream ---------------------------------------------------------------------------------------------------------------
set bd_file [get_files $design.bd]
# One synthesis run for everything: the memory images, which the sources name without a path, are then the project's.
set_property synth_checkpoint_mode None $bd_file
set images [glob -nocomplain -directory [file join $ip_dir src] *.mem]
if {[llength $images] > 0} { add_files -norecurse $images }
generate_target all $bd_file
add_files -norecurse [make_wrapper -files $bd_file -top]
set_property top ${design}_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs impl_1 -to_step write_bitstream -jobs $jobs
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
    puts stderr "build.tcl: [get_property STATUS [get_runs impl_1]]; see $project_dir/$design.runs/*/runme.log"
    exit 1
}
open_run impl_1
report_timing_summary -file [file join $output_dir timing.rpt]
report_utilization -hierarchical -hierarchical_depth 3 -file [file join $output_dir utilisation.rpt]
set setup_slack [get_property STATS.WNS [get_runs impl_1]]
set hold_slack [get_property STATS.WHS [get_runs impl_1]]
puts "slack: setup $setup_slack ns, hold $hold_slack ns; reports in $output_dir"
if {$setup_slack eq "" || $hold_slack eq "" || $setup_slack < 0 || $hold_slack < 0} {
    puts stderr "build.tcl: the design does not run at $clock_mhz MHz (timing.rpt). Compile with a lower --clock-mhz,"
    puts stderr "build.tcl: or with a slower target, which needs fewer LUTs and leaves more room."
    exit 1
}

# ---- what leaves: .xsa for Vitis, .bit and .hwh for PYNQ ------------------------------------------------------------------------
write_hw_platform -fixed -include_bit -force -file [file join $output_dir $design.xsa]
file copy -force [file join $project_dir $design.runs impl_1 ${design}_wrapper.bit] [file join $output_dir $design.bit]
set handoff [glob -directory $project_dir $design.*/sources_1/bd/$design/hw_handoff/$design.hwh]
file copy -force [lindex $handoff 0] [file join $output_dir $design.hwh]
foreach ending {bit hwh} {
    file copy -force [file join $output_dir $design.$ending] [file join $here .. pynq $design.$ending]
}
puts "done: $output_dir holds $design.bit, $design.hwh, $design.xsa; the first two are in pynq/ as well"
