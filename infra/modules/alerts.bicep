// Alerts over the logs. Each asks Log Analytics; what a query looks for in a message is logged by the app under exactly these words.

@description('Suffix of every name.')
param suffix string
param location string
param tags object
@description('Resource id of the Log Analytics workspace.')
param workspaceId string
@description('Who is told; empty: alerts are shown in the portal only.')
param email string
@description('Told when nothing was synced for this many hours that begin and end on a working day (UTC); 0 for never.')
@allowed([0, 1, 2, 3, 4, 5, 6, 24, 48])
param quietHours int

var every = 'PT15M'
// `resolves`: the alert ends by itself when the query finds nothing any more. Where the log has one line for a state that stays, it does not.
var rules = [
  {
    key: 'poison'
    title: 'Messages reached a poison queue'
    text: 'A message failed five times or could not be read. Its record is among the open errors of the console, with the cause.'
    severity: 2
    window: 'PT15M'
    resolves: true
    enabled: true
    query: '''
      AppRequests
      | where Name in ('entity_sync_poison', 'pump_poison', 'import_pages_poison')
    '''
  }
  {
    key: 'functions-failing'
    title: 'More than a tenth of the calls fail'
    // A stranger without a key must not raise it: 4xx is an answer.
    text: 'Functions end with an exception or answer 500 and above. Look at GET /health, then at the exceptions in Application Insights.'
    severity: 1
    window: 'PT30M'
    resolves: true
    enabled: true
    query: '''
      AppRequests
      | extend answer = toint(ResultCode)
      | extend bad = answer >= 500 or (Success == false and not(answer between (400 .. 499)))
      | summarize total = sum(ItemCount), failed = sumif(ItemCount, bad)
      | where failed >= 5 and failed * 10 > total
    '''
  }
  {
    key: 'pushes-failing'
    title: 'More than a quarter of the pushes fail'
    text: 'Many records end among the errors. The errors page of the console groups them by cause.'
    severity: 2
    window: 'PT1H'
    resolves: true
    enabled: true
    query: '''
      AppTraces
      | where Message startswith 'outcome entity='
      | summarize total = sum(ItemCount), failed = sumif(ItemCount, Message has 'status=failed')
      | where failed >= 5 and failed * 4 > total
    '''
  }
  {
    key: 'needs-authorization'
    title: 'A connection must be authorized again'
    text: 'Business Central refuses the sign-in; changes wait. Open the connection in the console and authorize it.'
    severity: 1
    window: 'PT15M'
    resolves: false
    enabled: true
    query: '''
      AppTraces
      | where Message startswith 'connection needs authorization'
    '''
  }
  {
    key: 'breaker-open'
    title: 'Pushes of a connection are held back'
    text: 'A connection fails again and again: its breaker has been open for ten minutes, its changes wait. The code in the message says why.'
    severity: 2
    window: 'PT30M'
    resolves: true
    enabled: true
    query: '''
      AppTraces
      | where Message startswith 'breaker open '
      | summarize first = min(TimeGenerated), latest = max(TimeGenerated) by connection_id = extract('connection_id=([^ ]+)', 1, Message)
      | where latest - first >= 10m
    '''
  }
  {
    key: 'secret-expiring'
    title: 'A client secret runs out'
    text: 'The secret of an app registration ends within 60 days. Add a second one in Microsoft Entra and enter it on the connection.'
    severity: 3
    window: 'P1D'
    resolves: true
    enabled: true
    query: '''
      AppTraces
      | where Message startswith 'client secret runs out'
    '''
  }
  {
    key: 'halo-unavailable'
    title: 'Halo does not answer the sweep'
    text: 'Three sweeps in an hour stopped. Nothing is lost: the next that succeeds catches up. The code in the message says why.'
    severity: 2
    window: 'PT1H'
    resolves: true
    enabled: true
    query: '''
      AppTraces
      | where Message startswith 'the sweep of Halo stopped'
      | summarize stopped = sum(ItemCount)
      | where stopped >= 3
    '''
  }
  {
    key: 'nothing-synced'
    title: 'Nothing was synced for hours'
    text: 'No push ended well in the window. Look at GET /health, the webhooks of Halo and the console\'s activity.'
    severity: 2
    window: quietHours == 24 ? 'P1D' : quietHours == 48 ? 'P2D' : 'PT${max(quietHours, 1)}H'
    resolves: true
    enabled: quietHours > 0
    query: replace('''
      AppTraces
      | where Message startswith 'outcome entity=' and (Message has 'status=synced' or Message has 'status=unchanged')
      | summarize synced = count()
      | where synced == 0 and dayofweek(now()) between (1d .. 5d) and dayofweek(ago(HOURSh)) between (1d .. 5d)
    ''', 'HOURS', string(max(quietHours, 1)))
  }
  {
    key: 'not-running'
    title: 'The app does not run'
    text: 'The timer that fires each minute has not run for a quarter of an hour. Look at the Function App in the portal: is it started, does its last deployment load, does it reach its storage?'
    severity: 0
    window: 'PT15M'
    resolves: true
    enabled: true
    query: '''
      AppRequests
      | where Name == 'wake_pump'
      | summarize runs = count()
      | where runs == 0
    '''
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'halo-bc'
    enabled: true
    emailReceivers: empty(email) ? [] : [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'alert-${rule.key}-${suffix}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'halo-bc: ${rule.title}'
    description: rule.text
    severity: rule.severity
    enabled: rule.enabled
    scopes: [workspaceId]
    evaluationFrequency: every
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    // A workspace made a moment ago does not know its tables yet.
    skipQueryValidation: true
    autoMitigate: rule.resolves
    muteActionsDuration: rule.resolves ? null : 'PT6H'
    actions: {
      actionGroups: [people.id]
    }
  }
}]
