// Command validator is one validator of a consortium: a Kaia consensus node (Istanbul BFT) over Ethereum JSON-RPC.
//
// Kaia's own kcn fixes the time after which a silent proposer is passed over at ten seconds. A consortium of four
// on a good network need not wait that long for one that is down: XINZHENG_ROUND_MS sets it, in milliseconds.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/kaiachain/kaia/api/debug"
	"github.com/kaiachain/kaia/cmd/utils"
	"github.com/kaiachain/kaia/cmd/utils/nodecmd"
	"github.com/kaiachain/kaia/consensus/istanbul"
	"github.com/urfave/cli/v2"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if text := os.Getenv("XINZHENG_ROUND_MS"); text != "" {
		milliseconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil || milliseconds < 100 {
			return fmt.Errorf("XINZHENG_ROUND_MS is a number of milliseconds, 100 or more; it is %q", text)
		}
		istanbul.DefaultConfig.Timeout = milliseconds
	}
	utils.NodeTypeFlag.Value = "cn"
	node := utils.NewApp("", "a consortium's validator")
	node.HideVersion = true
	node.Action = nodecmd.RunKaiaNode
	node.Before = nodecmd.BeforeRunNode
	node.After = func(*cli.Context) error {
		debug.Exit()
		return nil
	}
	node.Commands = []*cli.Command{nodecmd.InitCommand}
	node.Flags = utils.KcnAppFlags()
	return node.Run(arguments)
}
