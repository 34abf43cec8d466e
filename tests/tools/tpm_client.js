// Looks at a TPM with Microsoft's own client for Node, as a device of its users does.
//
//     tpm_client.js PORT
//
// PORT is that of a swtpm on this machine: raw TPM commands, one client at a time. The client takes the keys at their
// handles; where none lies it makes one from its own template, and keeps it there. Prints them, and the registration ID
// that it derives, as one line of JSON. Exit code 0; 1 where that fails, 2 where no port is named.
"use strict";

const net = require("net");
const { promisify } = require("util");
const { TpmSecurityClient } = require("./npm/node_modules/azure-iot-security-tpm");
const { Tpm } = require("./npm/node_modules/tss.js");

// Tag, size and code: what each answer begins with.
const HEADER = 10;

function fail(reason) {
    console.error(`tpm_client.js: ${reason}`);
    process.exit(1);
}

// The client's own devices are /dev/tpm0 and a simulator that frames its commands otherwise than swtpm. This has the
// three methods that tss.js calls of them. A connection that breaks ends the program: the client would take it for an
// empty handle.
class SwtpmDevice {
    constructor(port) {
        this.port = port;
    }

    connect(done) {
        this.socket = net.connect(this.port, "127.0.0.1", () => done(null));
        this.socket.setNoDelay();
        this.socket.on("error", (error) => fail(`the TPM at port ${this.port}: ${error.message}`));
        this.socket.on("end", () => fail(`the TPM at port ${this.port} hung up`));
    }

    dispatchCommand(command, done) {
        let answer = Buffer.alloc(0);
        const take = (part) => {
            answer = Buffer.concat([answer, part]);
            if (answer.length < HEADER || answer.length < answer.readUInt32BE(2)) return;
            this.socket.off("data", take);
            setImmediate(done, null, answer);
        };
        this.socket.on("data", take);
        this.socket.write(command);
    }

    close() {
        this.socket.destroy();
    }
}

async function look(port) {
    const tpm = new Tpm(false);
    tpm.device = new SwtpmDevice(port);
    const client = new TpmSecurityClient(undefined, tpm);
    const asked = (method) => promisify(client[method]).call(client);
    const endorsementKey = await asked("getEndorsementKey");
    const storageRootKey = await asked("getStorageRootKey");
    const registrationId = await asked("getRegistrationId");
    tpm.close();
    return {
        endorsementKey: endorsementKey.toString("base64"),
        storageRootKey: storageRootKey.toString("base64"),
        registrationId,
    };
}

const port = Number(process.argv[2]);
if (process.argv.length !== 3 || !Number.isInteger(port)) {
    console.error("tpm_client.js PORT");
    process.exit(2);
}
look(port).then((seen) => console.log(JSON.stringify(seen)), (error) => fail(error.message));
