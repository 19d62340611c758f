// formal_dma_write: ql_axi_dma_write writes each word of a packet once, to its address, in bursts that AXI allows, and is done when
// all are answered.
//
// One packet of at most as many words as the transfer is long, to any address; a memory that answers after any time, without errors.
`default_nettype none
module formal_dma_write (
    input wire        clk, rst, m_axi_awready, m_axi_wready, m_axi_bvalid, s_axis_tvalid, s_axis_tlast,
    input wire [31:0] s_axis_tdata
);
    localparam integer FifoDepth = 4, MaxBurst = 2, LengthW = 8;
    (* anyconst *) reg [31:0] address;
    (* anyconst *) reg [2:0] words;  // of the packet
    reg [3:0] clock_q;
    initial clock_q = 0;
    wire started = clock_q != 0;
    always @(posedge clk) if (clock_q != 4'hf) clock_q <= clock_q + 1;
    wire start = clock_q == 1;

    wire        m_axi_awvalid, m_axi_wvalid, m_axi_wlast, m_axi_bready, s_axis_tready, busy, done, failed;
    wire [31:0] m_axi_awaddr, m_axi_wdata;
    wire [ 7:0] m_axi_awlen, done_bytes;
    wire [ 3:0] m_axi_wstrb;
    ql_axi_dma_write #(.MemoryW(32), .LengthW(LengthW), .MaxBurst(MaxBurst), .FifoDepth(FifoDepth)) dut (
        .clk(clk), .rst(rst), .start_i(start), .address_i(address), .length_i(8'd28), .drain_i(1'b0),
        .busy_o(busy), .done_o(done), .done_bytes_o(done_bytes), .failed_o(failed),
        .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
        .m_axi_wready(m_axi_wready), .m_axi_bresp(2'b00), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready),
        .s_axis_tdata(s_axis_tdata), .s_axis_tkeep(4'hf), .s_axis_tlast(s_axis_tlast),
        .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready)
    );

    // Words asked for (AW), sent (W), taken from the stream; bursts ended on W, asked for, answered.
    reg [7:0] asked_q, sent_q, taken_q, ended_q, bursts_q, answered_q;
    wire asks = m_axi_awvalid && m_axi_awready;
    wire sends = m_axi_wvalid && m_axi_wready;
    wire takes = s_axis_tvalid && s_axis_tready;
    always @(posedge clk) begin
        if (rst) begin
            asked_q <= 0;
            sent_q <= 0;
            taken_q <= 0;
            ended_q <= 0;
            bursts_q <= 0;
            answered_q <= 0;
        end else begin
            if (asks) asked_q <= asked_q + m_axi_awlen + 1;
            if (asks) bursts_q <= bursts_q + 1;
            if (sends) sent_q <= sent_q + 1;
            if (sends && m_axi_wlast) ended_q <= ended_q + 1;
            if (takes) taken_q <= taken_q + 1;
            if (m_axi_bvalid) answered_q <= answered_q + 1;
        end
    end
    always @(*) begin
        assume (rst == !started);
        assume (address[1:0] == 0);
        assume (words != 0);
        assume (s_axis_tlast == (taken_q == words - 1));
        if (taken_q == words) assume (!s_axis_tvalid);
        if (answered_q == ended_q || answered_q == bursts_q) assume (!m_axi_bvalid);
    end

    reg ask_waits_q, send_waits_q, done_before_q, in_waits_q;
    reg [31:0] awaddr_q, wdata_q, in_q;
    reg [7:0] awlen_q;
    reg wlast_q;
    always @(posedge clk) begin
        ask_waits_q <= started && m_axi_awvalid && !m_axi_awready;
        awaddr_q <= m_axi_awaddr;
        awlen_q <= m_axi_awlen;
        send_waits_q <= started && m_axi_wvalid && !m_axi_wready;
        wdata_q <= m_axi_wdata;
        wlast_q <= m_axi_wlast;
        done_before_q <= started && (done_before_q || done);
        in_waits_q <= started && s_axis_tvalid && !s_axis_tready;
        in_q <= s_axis_tdata;
    end
    always @(*) begin
        if (started && in_waits_q) assume (s_axis_tvalid && s_axis_tdata == in_q);
        if (started && clock_q > 1) begin
            assert (m_axi_bready);
            assert (!failed);
            if (m_axi_awvalid) begin
                assert (m_axi_awaddr == address + 4 * asked_q);
                assert (m_axi_awlen < MaxBurst);
                assert (asked_q + m_axi_awlen < words);
                assert (m_axi_awaddr[11:0] + 4 * (m_axi_awlen + 1) <= 4096);
            end
            if (m_axi_wvalid) assert (sent_q < words);
            // The last word is the last of a burst.
            if (m_axi_wvalid && sent_q == words - 1) assert (m_axi_wlast);
            if (ask_waits_q) assert (m_axi_awvalid && m_axi_awaddr == awaddr_q && m_axi_awlen == awlen_q);
            if (send_waits_q) assert (m_axi_wvalid && m_axi_wdata == wdata_q && m_axi_wlast == wlast_q);
            if (done) begin
                assert (taken_q == words && sent_q == words && asked_q == words);
                assert (ended_q == bursts_q && answered_q == bursts_q);
                assert (done_bytes == 4 * words);
                assert (!done_before_q);
            end
        end
    end
    // Offered within a bound only once a burst is full: order and values are watched, with a bound that the packet cannot reach.
    formal_watch #(.ElemW(32), .Bound(31)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axi_wdata), .m_axis_tvalid(m_axi_wvalid), .m_axis_tready(m_axi_wready)
    );
endmodule
`default_nettype wire
