// A day with heroku-client as a program has it; the last line is what it saw, as JSON.
// HEROKU_HOST, HEROKU_API_KEY, SSL_CERT_FILE and NODE_EXTRA_CA_CERTS say where; the arguments are an
// app's name and the file with its source.
'use strict'

const fs = require('fs')
const Heroku = require('heroku-client')
const heroku = new Heroku({ host: process.env.HEROKU_HOST, token: process.env.HEROKU_API_KEY })
const same = (written, read) => Object.entries(written).every(([k, v]) => JSON.stringify(read[k]) === JSON.stringify(v))

async function refused (asked) {
  try {
    await asked
  } catch (error) {
    return [error.statusCode, error.body.id]
  }
}

async function until (look) {
  for (let n = 0; n < 600; n++) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`never: ${look}`)
}

async function deployed (at, source, seen) {
  const { source_blob: place } = await heroku.post(`${at}/sources`)
  seen.put = (await fetch(place.put_url, { method: 'PUT', body: fs.readFileSync(source) })).status
  const made = await heroku.post(`${at}/builds`, { body: { source_blob: { url: place.get_url, version: 'v1' } } })
  const build = await until(async () => {
    const now = await heroku.get(`${at}/builds/${made.id}`)
    return now.status !== 'pending' && now
  })
  seen.build = [build.status, build.source_blob.version]
  const up = (name) => until(async () => {
    const dynos = await heroku.get(`${at}/dynos`)
    return dynos.find((dyno) => dyno.name === name && dyno.state === 'up')
  })
  const web = await up('web.1')
  seen.dyno = (await heroku.get(`${at}/dynos/${web.id}`)).name
  const scaled = await heroku.patch(`${at}/formation/web`, { body: { quantity: 2, dyno_size: { name: 'standard-1x' } } })
  seen.formation = same(scaled, await heroku.get(`/apps/${scaled.app.id}/formation/${scaled.id}`))
  await up('web.2')
  seen.stopped = await heroku.post(`${at}/formations/web/actions/stop`)
  seen.stoppedOne = await heroku.post(`${at}/dynos/${(await up('web.1')).name}/actions/stop`)
  seen.restarted = await heroku.delete(`${at}/formations/web`)
  seen.purged = await heroku.delete(`${at}/build-cache`)
  const [release] = await heroku.get(`${at}/releases`, { headers: { Range: 'version ..; max=1,order=desc' }, partial: true })
  seen.release = same(release, await heroku.get(`${at}/releases/${release.id}`))
  seen.vars = await heroku.get(`${at}/releases/${release.id}/config-vars`)
  const logs = await heroku.post(`${at}/log-sessions`, { body: { lines: 1 } })
  seen.log = (await fetch(logs.logplex_url)).status
}

async function shared (app, seen) {
  const email = `${app.name}@example.com`
  const [team] = await heroku.get('/teams')
  const members = `/teams/${team.name}/members`
  const role = async () => ((await heroku.get(members)).find((one) => one.email === email) || {}).role
  seen.team = same(team, await heroku.get(`/teams/${team.id}`))
  await heroku.put(members, { body: { email, role: 'member' } })
  const roles = [await role()]
  await heroku.patch(members, { body: { email, role: 'admin' } })
  roles.push(await role())
  await heroku.patch(members, { body: { email, role: 'member' } })
  seen.roles = roles
  seen.teamApps = (await heroku.get(`/teams/${team.name}/apps`)).some((one) => one.id === app.id)
  seen.teamApp = (await heroku.get(`/teams/apps/${app.name}`)).id === app.id
  seen.permissions = (await heroku.get('/teams/permissions')).map((one) => one.name)
  seen.invitations = (await heroku.get(`/teams/${team.name}/invitations`)).length
  const people = `/teams/apps/${app.name}/collaborators`
  const may = async () => (await heroku.get(`${people}/${email}`)).permissions.map((one) => one.name)
  await heroku.post(people, { body: { user: email, permissions: ['view'] } })
  const allowed = [await may()]
  await heroku.patch(`${people}/${email}`, { body: { permissions: ['view', 'deploy'] } })
  allowed.push(await may())
  seen.allowed = allowed
  seen.people = (await heroku.get(people)).length
  await heroku.delete(`${people}/${email}`)
  const one = await heroku.post(`/apps/${app.id}/collaborators`, { body: { user: email, silent: true } })
  seen.person = (await heroku.get(`/apps/${app.id}/collaborators/${one.id}`)).user.email === email
  await heroku.delete(`/apps/${app.id}/collaborators/${email}`)
  seen.alone = (await heroku.get(`/apps/${app.id}/collaborators`)).length
  await heroku.delete(`${members}/${email}`)
  seen.roleless = await role()
}

async function authorized (seen) {
  const made = await heroku.post('/oauth/authorizations', { body: { description: 'ci', scope: ['read'], expires_in: 3600 } })
  const at = `/oauth/authorizations/${made.id}`
  const as = (token) => new Heroku({ host: process.env.HEROKU_HOST, token })
  const reader = as(made.access_token.token)
  seen.reader = (await reader.get('/account')).email
  seen.readonly = await refused(reader.post('/apps'))
  seen.described = (await heroku.patch(at, { body: { description: 'ci of the shop' } })).description === (await heroku.get(at)).description
  seen.listedToken = (await heroku.get('/oauth/authorizations')).some((one) => one.id === made.id)
  const again = await heroku.post(`${at}/actions/regenerate-tokens`)
  seen.outdated = await refused(reader.get('/account'))
  seen.renewed = (await as(again.access_token.token).get('/account')).email
  await heroku.delete(at)
  seen.revoked = await refused(heroku.get(at))
}

async function main (name, source) {
  const seen = {}
  const me = await heroku.get('/account')
  seen.account = me.email
  const app = await heroku.post('/apps', { body: { name, region: 'local', stack: 'heroku-24' } })
  const at = `/apps/${app.id}`
  seen.app = same(app, await heroku.get(at))
  seen.listed = (await heroku.get('/apps')).some((one) => one.id === app.id)
  seen.paged = (await heroku.get('/apps', { headers: { Range: 'id ..; max=1' } })).some((one) => one.id === app.id)
  seen.mine = (await heroku.get('/users/~/apps')).some((one) => one.id === app.id)
  seen.filtered = (await heroku.post('/filters/apps', { body: { in: { id: [app.id] } } })).map((one) => one.name)
  const vars = { A: '1', B: 'zwölf', C: '' }
  await heroku.patch(`${at}/config-vars`, { body: vars })
  seen.config = same(vars, await heroku.get(`${at}/config-vars`))
  seen.unset = await heroku.patch(`${at}/config-vars`, { body: { A: null, C: null } })
  seen.unchanged = await heroku.patch(`${at}/config-vars`, { body: {} })
  seen.maintenance = (await heroku.patch(at, { body: { maintenance: true } })).maintenance
  await heroku.patch(at, { body: { maintenance: false } })
  seen.released = (await heroku.get(`${at}/releases`))[0].version
  await deployed(at, source, seen)
  await shared(await heroku.get(at), seen)
  await authorized(seen)
  seen.none = await Promise.all(['/addons', '/addon-services', '/spaces', `${at}/addons`, `${at}/addon-attachments`, `${at}/sni-endpoints`]
    .map(async (path) => (await heroku.get(path)).length))
  seen.sizes = (await heroku.get('/dyno-sizes')).map((one) => one.name)
  seen.size = (await heroku.get('/dyno-sizes/standard-1x')).name
  seen.available = (await heroku.get(`${at}/available-dyno-sizes`)).length > 0
  for (const [kind, path] of [['stack', '/stacks'], ['region', '/regions'], ['generation', '/generations']]) {
    const [only] = await heroku.get(path)
    seen[kind] = same(only, await heroku.get(`${path}/${only.name}`)) && same(only, await heroku.get(`${path}/${only.id}`))
  }
  seen.stacks = (await heroku.get(`${at}/available-stacks`)).length
  seen.sources = Object.keys((await heroku.post(`${at}/sources`)).source_blob).sort()
  const domain = await heroku.post(`${at}/domains`, { body: { hostname: `www.${name}.example`, sni_endpoint: null } })
  seen.domain = (await heroku.get(`${at}/domains/${domain.id}`)).hostname
  seen.undomained = (await heroku.delete(`${at}/domains/${domain.hostname}`)).id === domain.id
  seen.rate = (await heroku.get('/account/rate-limits')).remaining > 0
  const renamed = `${name}-2`
  seen.renamed = (await heroku.patch(at, { body: { name: renamed } })).name
  seen.unknown = await refused(heroku.get(`/apps/${name}`))
  seen.invalid = await refused(heroku.post('/apps', { body: { name: 'No!' } }))
  seen.taken = await refused(heroku.post('/apps', { body: { name: renamed } }))
  seen.destroyed = (await heroku.delete(at)).id === app.id
  seen.gone = await refused(heroku.get(at))
  return seen
}

main(...process.argv.slice(2)).then((seen) => console.log(JSON.stringify(seen)))
